import type { Key } from "openpgp";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { StampedJudgement } from "./fetcher.ts";
import type { Keyring, KeyringState } from "./keyring.ts";
import { unitName } from "./name.ts";
import { recheck } from "./recheck.ts";
import type { Shelf, ShelfStore, ShelvedUnit } from "./shelf.ts";
import type { Judgement } from "./verify.ts";

/** What the guard uses, and whom it tells. */
interface GuardComponents {
  readonly keyring: Keyring;
  readonly shelf: Shelf;
  readonly store: Pick<ShelfStore, "open">;
  readonly log: Logger;
  /** Told when other keys count from now on, or none. */
  readonly changed: () => void;
}

/** Holds the shelf against the keyring as it stands: a unit counts only by the keys that are on this box now. */
export class Guard {
  readonly #components: GuardComponents;
  readonly #now: () => number;
  #reason: string | undefined;
  #stamp: string | undefined;
  #rechecking: Promise<void> | undefined;

  constructor(components: GuardComponents, init: { now: () => number }) {
    this.#components = components;
    this.#now = init.now;
  }

  /** Why no key can be used, as of the last look; undefined when one can. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Whether a unit was verified by the keys that count now. */
  trusts(unit: ShelvedUnit): boolean {
    return this.#reason === undefined && unit.stamp === this.#stamp;
  }

  /**
   * Looks at the keyring; when it changed, the kept units are verified anew before this resolves. Who looked before the
   * change, and is done after it, looks again: the last content counts.
   */
  async look(): Promise<KeyringState> {
    for (;;) {
      const state = await this.#components.keyring.current();
      this.#note(state);
      if (!state.usable || this.#isDoneWith(state.stamp)) return state;
      this.#rechecking ??= this.#recheck(state).finally(() => (this.#rechecking = undefined));
      await this.#rechecking;
    }
  }

  /** What to judge a unit of `date` by now; undefined when no key can be used. */
  async judgement(date: string): Promise<StampedJudgement | undefined> {
    const state = await this.look();
    if (!state.usable) return undefined;
    return { ...this.#judgement(date, state.keys), stamp: state.stamp };
  }

  #isDoneWith(stamp: string): boolean {
    return stamp === this.#stamp && this.#components.shelf.units().every((unit) => unit.stamp === stamp);
  }

  #judgement(date: string, keys: readonly Key[]): Judgement {
    const others = this.#components.shelf.units().filter((unit) => unit.date !== date);
    return { date, keys, now: this.#now(), others: others.map(({ files }) => files.tarball.digest) };
  }

  #note(state: KeyringState): void {
    const reason = state.usable ? undefined : state.reason;
    if (reason === this.#reason) return;
    this.#reason = reason;
    if (reason === undefined) this.#components.log.info("tree snapshots: the keyring can be used");
    else this.#components.log.warn(reason);
    this.#components.changed();
  }

  async #recheck(state: KeyringState & { usable: true }): Promise<void> {
    for (const unit of this.#components.shelf.units()) {
      if (unit.stamp !== state.stamp) await this.#recheckUnit(unit, state);
    }
    this.#stamp = state.stamp;
    this.#components.changed();
  }

  async #recheckUnit(unit: ShelvedUnit, { keys, stamp }: KeyringState & { usable: true }): Promise<void> {
    const { shelf, store, log } = this.#components;
    try {
      await recheck(store, unit, this.#judgement(unit.date, keys));
    } catch (error) {
      log.warn(`${unitName(unit.date)} fails the changed keyring, it is not kept any more: ${messageOf(error)}`);
      return shelf.drop(unit.date);
    }
    await shelf.confirm(unit.date, stamp).catch((error: unknown) => {
      log.warn(`${unitName(unit.date)} passes the changed keyring, which cannot be noted: ${messageOf(error)}`);
    });
  }
}
