import type { NameClaim, PassingBody } from "../core/snapshots.ts";
import { UpstreamFlight, type UpstreamFlightComponents, type UpstreamFlightInit } from "./upstream-flight.ts";
import type { VerifiedUnit } from "./verify.ts";

/** How often the other boxes are told how far it is, in milliseconds. They take 5 s without that for its end. */
const PROGRESS_MS = 500;

/** What a claimed flight uses. */
export interface ClaimedFlightComponents extends UpstreamFlightComponents {
  /** The claim under which it is made. */
  readonly claim: NameClaim & { mine: true };
  /** Puts a verified unit on the shelf. */
  readonly shelve: (unit: VerifiedUnit) => Promise<void>;
}

/**
 * A flight under a claim: the other boxes are told how it gets on, and it is given up when another one turns out to be
 * the one that downloads. Not when a client was given bytes: that one is served to the end, and two download for once.
 */
export class ClaimedFlight {
  readonly #components: ClaimedFlightComponents;
  readonly #flight: UpstreamFlight;
  readonly #givenUp = new AbortController();
  #hasPassed = false;
  #isDownloaded = false;
  #told = 0;

  constructor(components: ClaimedFlightComponents, init: UpstreamFlightInit) {
    this.#components = components;
    const signal = AbortSignal.any([init.signal, this.#givenUp.signal]);
    this.#flight = new UpstreamFlight(components, { ...init, signal });
  }

  /** Whether another box downloads instead. */
  get isGivenUp(): boolean {
    return this.#givenUp.signal.aborted;
  }

  /** Whether the unit is on the shelf; false when it was given up. Throws as {@link UpstreamFlight.run}, and the shelf. */
  async run(): Promise<boolean> {
    const { claim, shelve } = this.#components;
    const lose = (): void => this.#lose();
    const telling = setInterval(() => this.#tell(), PROGRESS_MS).unref();
    claim.lost.addEventListener("abort", lose);
    if (claim.lost.aborted) lose();
    try {
      const unit = await this.#flight.run();
      this.#isDownloaded = true;
      await shelve(unit);
      return true;
    } catch (error) {
      if (this.isGivenUp && !this.#isDownloaded) return false;
      throw error;
    } finally {
      clearInterval(telling);
      claim.lost.removeEventListener("abort", lose);
    }
  }

  /** See {@link UpstreamFlight.passing}; undefined also when it was given up. */
  async passing(signal: AbortSignal): Promise<PassingBody | undefined> {
    try {
      const body = await this.#flight.passing(signal);
      this.#hasPassed ||= body !== undefined;
      return body;
    } catch (error) {
      signal.throwIfAborted();
      if (this.isGivenUp) return undefined;
      throw error;
    }
  }

  #lose(): void {
    if (!this.#hasPassed) this.#givenUp.abort(new Error("another box downloads it"));
  }

  /** Silence tells the others that it does not get on; while a whole tarball is verified it does. */
  #tell(): void {
    const received = this.#flight.received || this.#told;
    if (received === this.#told && !this.#flight.isComplete && !this.#isDownloaded) return;
    this.#told = received;
    this.#components.claim.progress(received);
  }
}
