import type { Logger } from "../core/logger.ts";
import { abortable, Pulse } from "../core/pulse.ts";
import type { NameClaim, NameClaims, PassingBody } from "../core/snapshots.ts";
import type { Upstream } from "../core/upstream.ts";
import { fileName } from "./name.ts";
import { UpstreamFlight, type UpstreamFlightInit } from "./upstream-flight.ts";
import type { VerifiedUnit } from "./verify.ts";

/** How often the other boxes are told how far it is, in milliseconds. */
const PROGRESS_MS = 1000;

/** What an upstream task uses. */
export interface UpstreamTaskComponents {
  readonly upstream: Pick<Upstream, "mirrorPath">;
  readonly claims?: NameClaims | undefined;
  readonly log: Logger;
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
  #flight: UpstreamFlight | undefined;
  #ended = false;
  /** Resolves when the unit is on the shelf. Throws as {@link UpstreamFlight.run}, and what the shelf throws. */
  readonly done: Promise<void>;

  /** Begins at once. */
  constructor(components: UpstreamTaskComponents, init: UpstreamFlightInit) {
    this.#components = components;
    this.#init = init;
    this.done = this.#run().finally(() => {
      this.#ended = true;
      this.#changed.fire();
    });
    this.done.catch(() => {}); // told to who waits for it
  }

  /** The tarball as it passes; undefined when the unit is on the shelf instead. Throws as {@link done}. */
  async passing(signal: AbortSignal): Promise<PassingBody | undefined> {
    while (this.#flight === undefined && !this.#ended) await this.#changed.wait(signal);
    const body = await this.#flight?.passing(signal);
    if (body === undefined) await abortable(this.done, signal);
    return body;
  }

  async #run(): Promise<void> {
    const { claims, log } = this.#components;
    const name = fileName(this.#init.judgement.date, "tarball");
    for (;;) {
      const claim = await claims?.byName(name, { signal: this.#init.signal });
      if (claim === undefined) return this.#download(() => {});
      const pulled = await this.#components.pullFromPeers(); // it may have been announced since
      if (claim.mine) return pulled ? claim.release() : this.#download(claim.progress).finally(claim.release);
      if (pulled) return;
      log.info(`${name}: ${claim.holder} is downloading it; waiting for that`);
      await this.#endOf(claim);
    }
  }

  /** Ends when the unit is on the shelf, and so announced: who waits for the claim finds it there. */
  async #download(progress: (received: number) => void): Promise<void> {
    const flight = new UpstreamFlight(this.#components, this.#init);
    this.#flight = flight;
    this.#changed.fire();
    const telling = setInterval(() => progress(flight.received), PROGRESS_MS).unref();
    try {
      await this.#components.shelve(await flight.run());
    } finally {
      clearInterval(telling);
    }
  }

  async #endOf(claim: NameClaim & { mine: false }): Promise<void> {
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, this.#init.signal]);
    try {
      await Promise.race([claim.ended(signal), this.#components.announced(signal)]);
    } finally {
      enough.abort();
    }
  }
}
