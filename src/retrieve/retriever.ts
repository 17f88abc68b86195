import { bufferPool } from "../core/data/buffer-pool.ts";
import type { Digest } from "../core/digest.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { DistswarmError, hasCode } from "../core/errors.ts";
import type { GrowingCopy } from "../core/growing-copy.ts";
import type { Startable } from "../core/lifecycle.ts";
import { abortable } from "../core/async/pulse.ts";
import type { Origin, SourceKind } from "../core/source.ts";
import type { TransferStatus } from "../core/report/transfer-status.ts";
import { Expectations } from "./expectations.ts";
import { FlightContent, StoredContent, type Content } from "./content.ts";
import { Flight, type FlightComponents, type FlightInit } from "./flight.ts";
import { RecentMisses } from "./recent-misses.ts";
import { StoryBook, type Story } from "./story-book.ts";
import { TransferQueue } from "./transfer-queue.ts";

/**
 * Whole wrong files above the verify-first size end their flight; a client
 * that got none of it is taken along this often.
 */
const FLIGHTS_FOR_A_CLIENT = 4;

/** What the retriever uses. */
export interface RetrieverComponents extends Omit<FlightComponents, "queue" | "expectations"> {
  /** Whether some peer can give it, from memory: then a miss a moment ago means nothing. */
  readonly isAtPeer: (digest: Digest) => boolean;
}

/** What may be set of the retriever. */
interface RetrieverInit extends Omit<FlightInit, "misled" | "now"> {
  /** Transfers at once, by kind of source. */
  readonly transfers: Readonly<Record<SourceKind, number>>;
}

/** How a client joins a flight. */
interface Joining {
  readonly signal: AbortSignal;
  /** The first byte that it wants. */
  readonly position: number;
  /** Whether somebody else had begun the flight. */
  readonly collapsed: boolean;
}

/**
 * Gets blobs: from the store, from a flight under way, or by a new flight. One for all doors, so that a blob is fetched
 * once however many ask for it.
 */
export class Retriever implements Startable {
  readonly #components: RetrieverComponents & FlightComponents;
  readonly #init: FlightInit;
  readonly #flights = new Map<Digest, Flight>();
  readonly #stories = new StoryBook();
  readonly #misses = new RecentMisses();
  #stopped = false;

  constructor(components: RetrieverComponents, init: RetrieverInit) {
    this.#components = { ...components, queue: new TransferQueue(init.transfers), expectations: new Expectations() };
    this.#init = init;
  }

  async start(): Promise<void> {
    this.#stopped = false;
  }

  /** Ends all flights; their partials are kept. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const flights = [...this.#flights.values()];
    for (const flight of flights) flight.abort(stopping());
    await Promise.all(flights.map((flight) => flight.landed));
  }

  /**
   * Resolves when the byte at `position` may leave, by default the first.
   *
   * @throws {DistswarmError} `NOT_FOUND` when all sources say that they lack it (remembered for 30 s); `NO_SOURCE` when
   * one failed; the signal's reason when the client leaves.
   */
  async retrieve(want: Want, { signal, position = 0 }: { signal: AbortSignal; position?: number }): Promise<Content> {
    for (let flights = 1; ; flights += 1) {
      try {
        return await this.#retrieveOnce(want, { signal, position });
      } catch (error) {
        if (!hasCode(error, "DIGEST_MISMATCH") || flights === FLIGHTS_FOR_A_CLIENT) throw error;
      }
    }
  }

  /**
   * The blob from the store, without any look elsewhere; undefined when it is not there. Should it turn out damaged while
   * it is read, `wanted` tells what to retrieve in its place.
   */
  async openStored(digest: Digest, wanted: () => Promise<Want>): Promise<Content | undefined> {
    const blob = await this.#components.store.open(digest);
    if (blob === undefined) return undefined;
    return new StoredContent(blob, bufferPool.lend(), async (signal) => this.retrieve(await wanted(), { signal }));
  }

  /**
   * Sees to it that the blob is in the store.
   *
   * @returns where it came from.
   * @throws {DistswarmError} as {@link Retriever.retrieve}; `STORE_FULL` and `STORE_UNUSABLE` when it cannot be kept.
   */
  async keep(want: Want, { signal }: { signal: AbortSignal }): Promise<Origin> {
    const { store } = this.#components;
    if ((await store.find(want.digest)) !== undefined) return "store";
    const { flight } = await this.#flightFor(want, signal);
    const release = flight.hold();
    await abortable(flight.landed, signal).finally(release);
    if (flight.error !== undefined) throw flight.error as Error;
    if ((await store.find(want.digest)) === undefined) throw notKept(want);
    return flight.origin;
  }

  /** The tree or the mirrors changed: what nobody had a moment ago is looked for again. */
  forgetMisses(): void {
    this.#misses.clear();
  }

  /** The copy of a blob on its way here, for a peer; undefined when none is. */
  openGrowing(digest: Digest): GrowingCopy | undefined {
    return this.#flights.get(digest)?.openGrowing();
  }

  /** Whether it is on its way here, or another box says that it has it. */
  isNear(digest: Digest): boolean {
    return this.#flights.has(digest) || this.#components.isAtPeer(digest);
  }

  /** Bytes of a blob on its way here that peers can read; 0 when none is. */
  received(digest: Digest): number {
    return this.#flights.get(digest)?.received ?? 0;
  }

  /** For `explain`: for how many milliseconds more 'nobody has it' is the answer, without asking; 0 when it is not. */
  missedForMs(digest: Digest): number {
    return this.#components.isAtPeer(digest) ? 0 : this.#misses.remainingMs(digest);
  }

  /** For `explain`: what happened to this blob, now or last time. */
  story(digest: Digest): Story {
    return this.#flights.get(digest) ?? this.#stories.of(digest);
  }

  /** For status: every flight that has not landed. */
  transfers(): readonly TransferStatus[] {
    return [...this.#flights.values()].map((flight) => flight.status());
  }

  async #retrieveOnce(want: Want, { signal, position }: Omit<Joining, "collapsed">): Promise<Content> {
    const flying = await this.#openFlight(want.digest, signal);
    if (flying !== undefined) return this.#join(flying, { signal, position, collapsed: true });
    const stored = await this.openStored(want.digest, async () => want);
    if (stored !== undefined) return stored;
    const { flight, collapsed } = await this.#flightFor(want, signal);
    return this.#join(flight, { signal, position, collapsed });
  }

  async #openFlight(digest: Digest, signal: AbortSignal): Promise<Flight | undefined> {
    for (let flight = this.#flights.get(digest); flight !== undefined; flight = this.#flights.get(digest)) {
      if (flight.isOpen) return flight;
      await abortable(flight.landed, signal);
    }
    return undefined;
  }

  /** A flight that can be joined, or a new one; begun in the same moment in which there was none. */
  async #flightFor(want: Want, signal: AbortSignal): Promise<{ flight: Flight; collapsed: boolean }> {
    for (;;) {
      const flight = this.#flights.get(want.digest);
      if (flight === undefined) return { flight: this.#begin(want), collapsed: false };
      if (flight.isOpen) return { flight, collapsed: true };
      await abortable(flight.landed, signal);
    }
  }

  #begin(want: Want): Flight {
    if (this.#stopped) throw stopping();
    if (!this.#components.isAtPeer(want.digest)) this.#misses.check(want);
    const { misled } = this.#stories.of(want.digest);
    const flight = new Flight(want, this.#components, { ...this.#init, misled });
    this.#flights.set(want.digest, flight);
    void flight.landed.then(() => this.#onLanded(flight));
    return flight;
  }

  #onLanded(flight: Flight): void {
    this.#flights.delete(flight.want.digest);
    this.#stories.remember(flight.want.digest, flight);
    if (hasCode(flight.error, "NOT_FOUND")) this.#misses.remember(flight.want.digest, flight.error);
  }

  async #join(flight: Flight, { signal, position, collapsed }: Joining): Promise<Content> {
    const reader = flight.join();
    const isHere = flight.isVerified;
    try {
      await reader.ready(position, signal);
      const { charges, want } = flight;
      const origin = isHere ? "store" : flight.origin;
      return new FlightContent({ reader, charges }, { digest: want.digest, size: want.size, origin, collapsed });
    } catch (error) {
      reader.close();
      throw error;
    }
  }
}

function stopping(): DistswarmError {
  return new DistswarmError("NO_SOURCE", "the agent is stopping; what has arrived is kept for the next start");
}

function notKept(want: Want): DistswarmError {
  const what = `${nameOf(want)} arrived but could not be kept`;
  return new DistswarmError("STORE_UNUSABLE", `${what}: see the warnings in the status`);
}
