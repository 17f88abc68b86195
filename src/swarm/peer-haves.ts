import type { HaveIndex } from "./have-index.ts";
import { PREFIX_BYTES } from "./digest-set.ts";
import { RuleBroken, type Change, type Haves, type Hello } from "./messages.ts";

/** Blobs that one peer may say it holds. */
const MAX_HAVES_OF_PEER = 1_000_000;

/**
 * How far one peer's haves are known, and how they get into the index. Outlives the session, so that a peer that was
 * gone for a moment need tell only what changed.
 */
export class PeerHaves {
  readonly #index: HaveIndex;
  readonly #id: string;
  #instance: Buffer | undefined;
  /** Undefined until the whole list is here. */
  #sequence: number | undefined;

  constructor(index: HaveIndex, id: string) {
    this.#index = index;
    this.#id = id;
  }

  /** For our hello: what we know from an earlier session; undefined when all has to be told again. */
  get known(): Hello["known"] {
    if (this.#index.isPartial(this.#id)) return undefined;
    if (this.#instance === undefined || this.#sequence === undefined) return undefined;
    return { instance: this.#instance, sequence: this.#sequence };
  }

  /** A session began. What an earlier instance of the agent said counts no more. */
  onHello({ instance }: Hello): void {
    if (this.#instance?.equals(instance) === true) return;
    this.forget();
    this.#instance = Buffer.from(instance);
  }

  /** Takes in a part of the full list. @throws {RuleBroken} when there are too many. */
  onHaves({ first, last, sequence, prefixes }: Haves): void {
    if (first) this.#index.drop(this.#id);
    this.#sequence = last ? sequence : undefined;
    this.#add(prefixes);
    if (last) this.#index.show(this.#id);
  }

  /** Takes in a change. @throws {RuleBroken} when it does not follow on what is known, or there are too many. */
  onChange({ since, sequence, added, removed }: Change): void {
    if (since !== this.#sequence) throw new RuleBroken(`change: since ${since} instead of ${this.#sequence}`);
    this.#sequence = sequence;
    this.#index.remove(this.#id, removed);
    this.#add(added);
    this.#index.show(this.#id);
  }

  /** The session ended: nobody is sent there, but what was said is kept. */
  onEnd(): void {
    this.#index.hide(this.#id);
  }

  /** Forgets all. */
  forget(): void {
    this.#index.drop(this.#id);
    this.#instance = undefined;
    this.#sequence = undefined;
  }

  #add(prefixes: Buffer): void {
    const count = this.#index.count(this.#id) + prefixes.length / PREFIX_BYTES;
    if (count > MAX_HAVES_OF_PEER) throw new RuleBroken(`says it holds more than ${MAX_HAVES_OF_PEER} blobs`);
    this.#index.add(this.#id, prefixes);
  }
}
