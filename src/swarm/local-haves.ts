import { randomBytes } from "node:crypto";
import type { Digest } from "../core/digest.ts";
import { DigestSet, PREFIX_BYTES, prefixOf } from "./digest-set.ts";

/** Changes kept, so that a peer that was gone for a while needs no full list. One message holds as many. */
const MAX_LOG = 4096;
const INSTANCE_BYTES = 8;

/** What changed between two sequence numbers: the prefixes that came and those that went, one after the other. */
interface HaveChange {
  readonly since: number;
  readonly sequence: number;
  readonly added: Buffer;
  readonly removed: Buffer;
}

/** What this box holds, as it tells its peers: a set, and the last changes by number. */
export class LocalHaves {
  /** Random at each start: the sequence numbers count within it. */
  readonly instance = randomBytes(INSTANCE_BYTES);
  readonly #set = new DigestSet();
  /** Prefixes in hex: a small Buffer would keep 8 KiB of Node's pool, and all of them together 32 MiB. */
  readonly #log: { readonly prefix: string; readonly added: boolean }[] = [];
  #sequence = 0;
  /** All prefixes as they were at a sequence number, as long as a session tells them. */
  #copy: { readonly sequence: number; readonly bytes: WeakRef<ArrayBufferLike> } | undefined;

  /** The number of the last change; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether this box holds it. */
  has(digest: Digest): boolean {
    return this.#set.has(prefixOf(digest));
  }

  /** Notes that the blob is here; false when that was known. */
  add(digest: Digest): boolean {
    const prefix = prefixOf(digest);
    return this.#set.add(prefix) && this.#note(prefix, true);
  }

  /** Notes that the blob is gone; false when it was not here. */
  remove(digest: Digest): boolean {
    const prefix = prefixOf(digest);
    return this.#set.delete(prefix) && this.#note(prefix, false);
  }

  /**
   * All prefixes, in parts of at most `perPart`; one empty part when there are none. They share their memory with those of
   * other calls: a fleet that meets anew is told all at once, and reads at its leisure.
   */
  parts(perPart: number): Buffer[] {
    const all = this.#all();
    const parts: Buffer[] = [];
    for (let at = 0; at < all.length || at === 0; at += perPart * PREFIX_BYTES) {
      parts.push(all.subarray(at, at + perPart * PREFIX_BYTES));
    }
    return parts;
  }

  /** What changed since the given number; undefined when it is too long ago, or was never ours. */
  changesSince(since: number): HaveChange | undefined {
    const oldest = this.#sequence - this.#log.length;
    if (since < oldest || since > this.#sequence) return undefined;
    const last = new Map(this.#log.slice(since - oldest).map(({ prefix, added }) => [prefix, added]));
    const having = (wanted: boolean): Buffer => {
      const prefixes = [...last].flatMap(([prefix, added]) => (added === wanted ? [prefix] : []));
      return Buffer.from(prefixes.join(""), "hex");
    };
    return { since, sequence: this.#sequence, added: having(true), removed: having(false) };
  }

  #all(): Buffer {
    const bytes = this.#copy?.sequence === this.#sequence ? this.#copy.bytes.deref() : undefined;
    if (bytes !== undefined) return Buffer.from(bytes);
    const all = this.#set.toBuffer();
    this.#copy = { sequence: this.#sequence, bytes: new WeakRef(all.buffer) };
    return all;
  }

  #note(prefix: Buffer, added: boolean): true {
    this.#log.push({ prefix: prefix.toString("hex"), added });
    this.#sequence += 1;
    if (this.#log.length > MAX_LOG) this.#log.splice(0, this.#log.length - MAX_LOG);
    return true;
  }
}
