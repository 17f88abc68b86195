import { setTimeout as delay } from "node:timers/promises";
import { abortable, Pulse } from "../core/pulse.ts";
import type { NameClaim, NameClaims, PassingBody } from "../core/snapshots.ts";
import { ClaimedFlight } from "./claimed-flight.ts";
import { fileName } from "./name.ts";
import type { UpstreamFlightComponents, UpstreamFlightInit } from "./upstream-flight.ts";
import type { VerifiedUnit } from "./verify.ts";

/**
 * Other boxes are followed for so long, then this one downloads beside them: a claim can be told again for ever. A tarball
 * that takes an honest box longer comes at under 100 KB/s.
 */
const FOLLOW_AT_MOST_MS = 10 * 60_000;

/** A claim where nobody claims. */
const UNCLAIMED: NameClaim & { mine: true } = {
  mine: true,
  lost: new AbortController().signal,
  progress: () => {},
  release: () => {},
};

/** What an upstream task uses. */
export interface UpstreamTaskComponents extends UpstreamFlightComponents {
  readonly claims?: NameClaims | undefined;
  /** Resolves when a peer announces the unit anew. */
  readonly announced: (signal: AbortSignal) => Promise<void>;
  /** Whether peers gave the unit, and it is on the shelf. */
  readonly pullFromPeers: () => Promise<boolean>;
  /** Puts a verified unit on the shelf. */
  readonly shelve: (unit: VerifiedUnit) => Promise<void>;
}

/**
 * Gets one unit from upstream onto the shelf, however many clients of this box wait for it. Where boxes claim by name, one
 * of them downloads it, and the others take it from that one.
 */
export class UpstreamTask {
  readonly #components: UpstreamTaskComponents;
  readonly #init: UpstreamFlightInit;
  readonly #changed = new Pulse();
  readonly #followAtMostMs: number;
  #followingSince: number | undefined;
  #flight: ClaimedFlight | undefined;
  #ended = false;
  /** Resolves when the unit is on the shelf. Throws as {@link UpstreamFlight.run}, and what the shelf throws. */
  readonly done: Promise<void>;

  /** Begins at once. `followAtMostMs`: @default 10 min */
  constructor(
    components: UpstreamTaskComponents,
    init: UpstreamFlightInit,
    { followAtMostMs = FOLLOW_AT_MOST_MS }: { followAtMostMs?: number } = {},
  ) {
    this.#components = components;
    this.#init = init;
    this.#followAtMostMs = followAtMostMs;
    this.done = this.#run().finally(() => {
      this.#ended = true;
      this.#changed.fire();
    });
    this.done.catch(() => {}); // told to who waits for it
  }

  /** The tarball as it passes; undefined when the unit is on the shelf instead. Throws as {@link done}. */
  async passing(signal: AbortSignal): Promise<PassingBody | undefined> {
    while (!this.#ended) {
      const flight = this.#flight;
      if (flight === undefined || flight.isGivenUp) {
        await this.#changed.wait(signal);
        continue;
      }
      const body = await flight.passing(signal);
      if (body !== undefined) return body;
      if (!flight.isGivenUp) break;
    }
    await abortable(this.done, signal);
    return undefined;
  }

  async #run(): Promise<void> {
    const name = fileName(this.#init.judgement.date, "tarball");
    for (let isShelved = false; !isShelved;) {
      const claim = (await this.#claim(name)) ?? UNCLAIMED;
      isShelved = await (claim.mine ? this.#download(claim) : this.#follow(name, claim));
    }
  }

  /** Undefined where nobody claims, or others have done so for too long. */
  async #claim(name: string): Promise<NameClaim | undefined> {
    return this.#patienceMs > 0 ? this.#components.claims?.byName(name, { signal: this.#init.signal }) : undefined;
  }

  /** How long other boxes are still followed. */
  get #patienceMs(): number {
    return this.#followAtMostMs - (performance.now() - (this.#followingSince ?? performance.now()));
  }

  /**
   * Whether the unit is on the shelf: it may have been announced since the claim. It is there, and so announced, before the
   * claim ends: who waits for that finds it.
   */
  async #download(claim: NameClaim & { mine: true }): Promise<boolean> {
    try {
      if (await this.#components.pullFromPeers()) return true;
      const flight = new ClaimedFlight({ ...this.#components, claim }, this.#init);
      this.#flight = flight;
      this.#changed.fire();
      return await flight.run();
    } finally {
      claim.release();
    }
  }

  /** Whether the unit is on the shelf, from a box that has it by now; else waits until the holder of the claim has ended. */
  async #follow(name: string, claim: NameClaim & { mine: false }): Promise<boolean> {
    if (await this.#components.pullFromPeers()) return true;
    this.#components.log.info(`${name}: ${claim.holder} is downloading it; waiting for that`);
    this.#followingSince ??= performance.now();
    await this.#endOf(claim);
    return false;
  }

  async #endOf(claim: NameClaim & { mine: false }): Promise<void> {
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, this.#init.signal]);
    const late = delay(this.#patienceMs, undefined, { signal }).catch(() => this.#init.signal.throwIfAborted());
    try {
      await Promise.race([claim.ended(signal), this.#components.announced(signal), late]);
    } finally {
      enough.abort();
    }
  }
}
