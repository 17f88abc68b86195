import { LinkedAbort } from "../core/async/linked-abort.ts";
import type { FlightClaim } from "../core/claim/flight-claim.ts";
import type { PassingBody } from "../core/snapshots.ts";
import { UpstreamFlight, type UpstreamFlightComponents, type UpstreamFlightInit } from "./upstream-flight.ts";
import type { VerifiedUnit } from "./verify.ts";

/** What a claimed flight uses. */
export interface ClaimedFlightComponents extends Omit<UpstreamFlightComponents, "grew"> {
  /** The claim under which it is made; undefined where nobody claims. */
  readonly claim: FlightClaim | undefined;
  /** Puts a verified unit on the shelf. */
  readonly shelve: (unit: VerifiedUnit) => Promise<void>;
}

/**
 * A flight under a claim: the other boxes are told how it gets on, and it is given up when another one turns out to be
 * the one that downloads. Not when a client was given bytes: that one is served to the end, and two download for once.
 */
export class ClaimedFlight {
  readonly #shelve: ClaimedFlightComponents["shelve"];
  readonly #flight: UpstreamFlight;
  readonly #lost: AbortSignal | undefined;
  readonly #givenUp = new AbortController();
  readonly #ended: LinkedAbort;
  #hasPassed = false;
  #isDownloaded = false;

  constructor(components: ClaimedFlightComponents, init: UpstreamFlightInit) {
    const { claim, shelve } = components;
    this.#shelve = shelve;
    this.#lost = claim?.lost;
    this.#ended = new LinkedAbort([init.signal, this.#givenUp.signal]);
    const grew = (received: number): void => claim?.grew(received, { kind: "upstream" });
    this.#flight = new UpstreamFlight({ ...components, grew }, { ...init, signal: this.#ended.signal });
  }

  /** Whether another box downloads instead. */
  get isGivenUp(): boolean {
    return this.#givenUp.signal.aborted;
  }

  /** Whether the unit is on the shelf; false when it was given up. Throws as {@link UpstreamFlight.run}, and the shelf. */
  async run(): Promise<boolean> {
    const lose = (): void => this.#lose();
    this.#lost?.addEventListener("abort", lose);
    if (this.#lost?.aborted === true) lose();
    try {
      const unit = await this.#flight.run();
      this.#isDownloaded = true;
      await this.#shelve(unit);
      return true;
    } catch (error) {
      if (this.isGivenUp && !this.#isDownloaded) return false;
      throw error;
    } finally {
      this.#lost?.removeEventListener("abort", lose);
      this.#ended.unlink();
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
}
