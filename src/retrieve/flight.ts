import type { Attempt, TransferStatus } from "../core/agent-api.ts";
import type { BlobStore } from "../core/blob-store.ts";
import type { Want } from "../core/distfile.ts";
import { DistswarmError, SourceError, hasCode, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { Pulse } from "../core/pulse.ts";
import type { Source, SourceFinder, SourceKind } from "../core/source.ts";
import { formatDuration, formatSize } from "../core/units.ts";
import { RunningAttempt } from "./attempts.ts";
import { Contributors } from "./contributors.ts";
import { failureOf } from "./failure.ts";
import { FlightCopy } from "./flight-copy.ts";
import { FlightReader } from "./flight-reader.ts";
import { GrowingCopy } from "./growing-copy.ts";
import { mayStream, type VerifyFirst } from "./release.ts";
import type { TransferQueue } from "./transfer-queue.ts";

/** Rounds over all sources while each round brings bytes; a mirror that closes at every tenth of a file needs ten. */
const MAX_ROUNDS = 20;

/** Times that a flight drops bytes with a wrong digest and starts over, at most; each time blames a source or asks one alone. */
const MAX_RESTARTS = 30;

/** What a flight uses. */
export interface FlightComponents {
  readonly store: BlobStore;
  /** In the order in which they are asked: peers, then upstream. */
  readonly finders: readonly SourceFinder[];
  readonly queue: TransferQueue;
  readonly log: Logger;
}

/** What may be set of a flight. */
export interface FlightInit {
  readonly verifyFirst: VerifyFirst;
  /** A flight that nobody waits for goes on if at most this many bytes are missing. */
  readonly finishUpTo: number;
}

/**
 * `running`: bytes are on their way. `verified`: all there, the digest is right. `wrong`: all there, the digest is not, and
 * some reader already has bytes of it. `failed`: no source is left.
 */
type State = "running" | "verified" | "wrong" | "failed";

/**
 * One retrieval in progress. It fills a growing copy from one source after another, each from the byte where the last one
 * broke; all who want the blob on this box read that copy through {@link Flight.join}.
 */
export class Flight {
  readonly want: Want;
  readonly attempts: Attempt[] = [];
  /** Settles when nothing more will happen: the copy is in the store, or this has failed. Never rejects. */
  readonly landed: Promise<void>;

  readonly #components: FlightComponents;
  readonly #init: FlightInit;
  readonly #abort = new AbortController();
  readonly #changed = new Pulse();
  readonly #readers = new Set<FlightReader>();
  readonly #contributors = new Contributors();
  readonly #liars = new Set<string>();
  readonly #copy: FlightCopy;
  readonly #began = performance.now();

  #state: State = "running";
  #error: unknown;
  #current: RunningAttempt | undefined;
  #released = 0;
  #alone = false;
  /** The boxes that the bytes come through now. */
  #chain: readonly string[] = [];
  /** Counts how often the bytes were dropped to start over. */
  #dropped = 0;
  /** Who wants it to go on without reading it as a client does: peers, and those who only want it kept. */
  #others = 0;
  #taken = 0;
  #retryAfterMs: number | undefined;
  /** Whether a source could not be asked because its bytes cannot be held. */
  #passedOver = false;

  constructor(want: Want, components: FlightComponents, init: FlightInit) {
    this.want = want;
    this.#components = components;
    this.#init = init;
    this.#copy = new FlightCopy(components, want, {
      signal: this.#abort.signal,
      lowestPosition: () => lowest([...this.#readers].map((reader) => reader.position)),
    });
    this.landed = this.#run();
  }

  /** Where the bytes come from: `upstream` as soon as any of them did. */
  get origin(): SourceKind {
    return this.#contributors.origin;
  }

  /** Whether the bytes are all here and right, if not yet in the store. */
  get isVerified(): boolean {
    return this.#state === "verified";
  }

  /** Whether it still gets bytes, so that joining it makes sense. */
  get isOpen(): boolean {
    const goesOn = this.isVerified || (this.#state === "running" && !this.#abort.signal.aborted);
    return goesOn && this.#copy.reachesStart;
  }

  /** Why it failed, when it has. */
  get error(): unknown {
    return this.#error;
  }

  get #name(): string {
    return this.want.names[0] ?? this.want.digest;
  }

  /** Adds a reader; the flight goes on at least as long as it has one. */
  join(): FlightReader {
    const reader = new FlightReader({
      isVerified: () => this.isVerified,
      released: () => this.#released,
      failure: (begun) => this.#failureFor(begun),
      changed: this.#changed,
      read: (position, length) => this.#copy.read(position, length),
      moved: () => this.#copy.readerMoved(),
      left: () => {
        this.#readers.delete(reader);
        this.#left();
      },
    });
    this.#readers.add(reader);
    return reader;
  }

  /**
   * The growing copy for a peer, who checks the digest itself and may read whatever is present; the flight goes on at least
   * as long as it is read. Undefined when nothing more will come, or when it is not kept here.
   */
  openGrowing(): GrowingCopy | undefined {
    if (!this.isOpen || !this.#copy.isKept) return undefined;
    const dropped = this.#dropped;
    const left = this.hold();
    return new GrowingCopy({
      size: this.want.size,
      received: () => this.#copy.received,
      chain: () => this.#chain,
      failure: () => (dropped === this.#dropped && this.#copy.isKept ? this.#failureFor(false) : startedOver()),
      changed: this.#changed,
      read: (position, length) => this.#copy.read(position, length),
      left,
    });
  }

  /** Keeps it going until the returned function is called. */
  hold(): () => void {
    this.#others += 1;
    return () => {
      this.#others -= 1;
      this.#left();
    };
  }

  /** Ends it; its partial is kept. */
  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** For status. */
  status(): TransferStatus {
    const source = this.#current?.source;
    return {
      digest: this.want.digest,
      name: this.#name,
      size: this.want.size,
      received: this.#copy.received,
      ...(source === undefined ? {} : { source: source.label, kind: source.kind }),
      seconds: Math.round((performance.now() - this.#began) / 1000),
      clients: this.#readers.size,
    };
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // let the one who made it join first
    try {
      await this.#copy.open(this.#abort.signal);
      if (this.#copy.received > 0) this.#contributors.addEarlierRun();
      while (!(await this.#fillAndVerify())) await this.#startOver();
      this.#settle("verified");
      await this.#copy.commit();
    } catch (error) {
      if (this.#state === "running") this.#settle("failed", error);
    }
    await this.#close();
  }

  // --- filling it ---

  async #fillAndVerify(): Promise<boolean> {
    await this.#fill();
    if (await this.#copy.verify()) return true;
    this.#blame();
    if (![...this.#readers].some((reader) => reader.begun)) return false;
    await this.#copy.detach();
    this.#released = this.want.size;
    const error = new DistswarmError("DIGEST_MISMATCH", `the digest of ${this.#name} did not match`);
    this.#settle("wrong", error);
    throw error;
  }

  async #fill(): Promise<void> {
    for (let round = 0; this.#missing() > 0; round += 1) {
      const before = this.#taken;
      await this.#askAll();
      const stuck = this.#taken === before || round === MAX_ROUNDS;
      if (this.#missing() > 0 && stuck) throw this.#outOfSources();
    }
  }

  #outOfSources(): DistswarmError {
    if (!this.#passedOver) return failureOf(this.want, this.attempts, this.#retryAfterMs);
    const facts = { attempts: this.attempts };
    return new DistswarmError("NO_SOURCE", `peers have ${this.#name}, but ${messageOf(this.#copy.problem)}`, { facts });
  }

  async #askAll(): Promise<void> {
    for (const finder of this.#components.finders) {
      for await (const source of finder.sources(this.want, { signal: this.#abort.signal })) {
        if (this.#missing() === 0) return;
        if (this.#isUseful(source)) await this.#ask(source);
        if (this.#missing() === 0) return;
      }
    }
  }

  #isUseful(source: Source): boolean {
    if (this.#liars.has(source.label)) return false;
    // What waits for its digest must be held whole.
    const isUseful = this.#copy.holdsAll || mayStream(source.kind, this.want.size, this.#init.verifyFirst);
    this.#passedOver ||= !isUseful;
    return isUseful;
  }

  async #ask(source: Source): Promise<void> {
    await this.#components.queue.run(source.kind, this.#abort.signal, async () => {
      if (this.#alone && !this.#contributors.has(source)) await this.#startOver();
      const attempt = new RunningAttempt(source, this.#copy.received);
      this.#current = attempt;
      const error = await this.#take(attempt).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      this.#current = undefined;
      this.attempts.push(attempt.end(error));
      if (error !== undefined) this.#onFault(source, error);
    });
  }

  async #take(attempt: RunningAttempt): Promise<void> {
    const { source } = attempt;
    const { bytes, chain = [] } = await source.open({ offset: this.#copy.received, signal: this.#abort.signal });
    attempt.answered();
    this.#chain = chain;
    for await (const chunk of bytes) {
      this.#contributors.add(source);
      await this.#write(chunk);
      attempt.bytes += chunk.length;
      this.#taken += chunk.length;
      this.#release();
    }
    if (this.#missing() > 0) throw new SourceError("BROKEN", `ended ${this.#missing()} bytes early`);
  }

  /** The store may fail in the middle of a file that memory cannot hold: then it passes through, if it may. */
  async #write(chunk: Buffer): Promise<void> {
    try {
      return await this.#copy.write(chunk);
    } catch (error) {
      if (!hasCode(error, "STORE_FULL", "STORE_UNUSABLE") || this.#readers.size === 0) throw error;
    }
    if (this.#mayStream()) {
      await this.#copy.streamOn();
      return this.#copy.write(chunk);
    }
    await this.#copy.beginInMemory();
    await this.#startOver();
    throw new SourceError("BROKEN", "the store failed, and memory cannot hold all of it until it is checked");
  }

  #mayStream(): boolean {
    return this.#contributors.mayStream(this.want.size, this.#init.verifyFirst);
  }

  #onFault(source: Source, error: unknown): void {
    if (!(error instanceof SourceError)) throw error;
    this.#retryAfterMs = lowest([this.#retryAfterMs, error.retryAfterMs]);
    this.#components.log.debug({ source: source.label, code: error.code }, `${this.#name}: ${error.message}`);
  }

  /** A wrong digest over one source's bytes is that source's doing; over several sources' bytes it marks nobody. */
  #blame(): void {
    const source = this.#contributors.only;
    if (this.want.size === 0 || this.#dropped === MAX_RESTARTS) throw neverRight(this.#name);
    if (source === undefined) {
      this.#alone = true;
      return;
    }
    this.#liars.add(source.label);
    const error = new SourceError("WRONG_BYTES", `sent bytes with another digest than the Manifest's`);
    source.blame(error);
    this.attempts.push(new RunningAttempt(source, 0).end(error));
    this.#components.log.warn(`${source.label} ${error.message} for ${this.#name}: not stored`);
  }

  async #startOver(): Promise<void> {
    this.#released = 0;
    this.#dropped += 1;
    this.#contributors.clear();
    await this.#copy.restart();
    this.#changed.fire();
  }

  #missing(): number {
    return this.want.size - this.#copy.received;
  }

  // --- the readers ---

  #release(): void {
    if (!this.#mayStream()) return this.#changed.fire();
    this.#released = this.#copy.received;
    this.#changed.fire();
  }

  #failureFor(begun: boolean): unknown {
    if (this.#state === "failed") return this.#error;
    return this.#state === "wrong" && !begun ? this.#error : undefined;
  }

  #left(): void {
    this.#copy.readerMoved();
    this.#changed.fire();
    if (this.#readers.size + this.#others > 0 || this.#state !== "running") return;
    if (this.#copy.isKept && this.#missing() <= this.#init.finishUpTo) return;
    this.abort(new DistswarmError("NO_SOURCE", "nobody waits for it any more; its partial is kept"));
  }

  // --- the end ---

  #settle(state: State, error?: unknown): void {
    this.#state = state;
    this.#error = error;
    if (state === "verified") this.#released = this.want.size;
    this.#changed.fire();
    this.#tell(state, error);
  }

  #tell(state: State, error: unknown): void {
    const name = this.#name;
    const facts = { digest: this.want.digest, attempts: this.attempts.length };
    if (state !== "verified") return this.#components.log.warn(facts, `${name}: ${messageOf(error)}`);
    const took = formatDuration(performance.now() - this.#began);
    this.#components.log.info(
      facts,
      `${name}: ${formatSize(this.want.size)} in ${took} from ${this.#contributors.names}`,
    );
  }

  /** Gives the disk back: a failed partial at once, so that the next flight can go on with it; else after the readers. */
  async #close(): Promise<void> {
    if (this.#state === "failed") return this.#copy.close({ keep: true });
    void this.#readersGone().then(() => this.#copy.close({ keep: this.#state === "verified" }));
  }

  async #readersGone(): Promise<void> {
    while (this.#readers.size + this.#others > 0) await this.#changed.wait();
  }
}

function lowest(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function startedOver(): Error {
  return new DistswarmError("DIGEST_MISMATCH", "the bytes so far were wrong, or are not kept: begin again");
}

function neverRight(name: string): DistswarmError {
  return new DistswarmError("NO_SOURCE", `no bytes for ${name} have the digest that its Manifest names`);
}
