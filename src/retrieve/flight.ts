import type { Attempt, TransferStatus } from "../core/agent-api.ts";
import type { BlobStore, Ingest } from "../core/blob-store.ts";
import type { Want } from "../core/distfile.ts";
import { DistswarmError, SourceError, hasCode, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { Pulse, abortable } from "../core/pulse.ts";
import type { Source, SourceFinder, SourceKind } from "../core/source.ts";
import { formatDuration, formatSize } from "../core/units.ts";
import { RunningAttempt } from "./attempts.ts";
import { failureOf } from "./failure.ts";
import { FlightReader } from "./flight-reader.ts";
import { mayStream, type Contributor, type VerifyFirst } from "./release.ts";
import { MEMORY_SPOOL_BYTES, MemorySpool, type Spool } from "./spool.ts";
import type { TransferQueue } from "./transfer-queue.ts";

/** Rounds over all sources while each round brings bytes; a mirror that closes at every tenth of a file needs ten. */
const MAX_ROUNDS = 20;

/** The copy of a flight that has not opened its own yet: nobody reads it, nothing is written to it. */
const NOTHING_YET: Spool = {
  received: 0,
  write: () => Promise.reject(new Error("no copy is open")),
  read: async () => Buffer.alloc(0),
  verify: async () => false,
  restart: async () => {},
};

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
  readonly #contributors = new Map<string, { kind: Contributor; source?: Source }>();
  readonly #liars = new Set<string>();
  readonly #began = performance.now();

  #state: State = "running";
  #error: unknown;
  #copy: Spool = NOTHING_YET;
  #ingest: Ingest | undefined;
  #memory: MemorySpool | undefined;
  #current: RunningAttempt | undefined;
  #released = 0;
  #alone = false;
  #taken = 0;
  #retryAfterMs: number | undefined;

  constructor(want: Want, components: FlightComponents, init: FlightInit) {
    this.want = want;
    this.#components = components;
    this.#init = init;
    this.landed = this.#run();
  }

  /** Where the bytes come from: `upstream` as soon as any of them did. */
  get origin(): SourceKind {
    const kinds = [...this.#contributors.values()].map((contributor) => contributor.kind);
    return kinds.length > 0 && kinds.every((kind) => kind === "peer") ? "peer" : "upstream";
  }

  /** Whether the bytes are all here and right, if not yet in the store. */
  get isVerified(): boolean {
    return this.#state === "verified";
  }

  /** Whether it still gets bytes, so that joining it makes sense. */
  get isOpen(): boolean {
    return this.isVerified || (this.#state === "running" && !this.#abort.signal.aborted);
  }

  get #name(): string {
    return this.want.names[0] ?? this.want.digest;
  }

  /** Adds a reader; the flight goes on at least as long as it has one. */
  join(): FlightReader {
    const reader = new FlightReader({
      size: this.want.size,
      released: () => this.#released,
      failure: (begun) => this.#failureFor(begun),
      changed: this.#changed,
      read: (position, length) => this.#copy.read(position, length),
      moved: () => this.#readerMoved(),
      left: () => this.#readerLeft(reader),
    });
    this.#readers.add(reader);
    return reader;
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
      await this.#openCopy();
      while (!(await this.#fillAndVerify())) await this.#startOver();
      this.#settle("verified");
      await this.#commit();
    } catch (error) {
      if (this.#state === "running") this.#settle("failed", error);
    }
    await this.#close();
  }

  // --- the growing copy ---

  async #openCopy(): Promise<void> {
    try {
      this.#ingest = await this.#components.store.ingest(this.want);
      this.#copy = this.#ingest;
      if (this.#ingest.received > 0) this.#contributors.set("an earlier run", { kind: "earlier" });
    } catch (error) {
      this.#copy = this.#openMemory(error);
    }
  }

  #openMemory(cause: unknown): MemorySpool {
    this.#components.log.warn({ digest: this.want.digest }, `${this.#name} will not be kept: ${messageOf(cause)}`);
    this.#memory = new MemorySpool(this.want, {
      signal: this.#abort.signal,
      lowestPosition: () => lowest([...this.#readers].map((reader) => reader.position)),
    });
    return this.#memory;
  }

  async #write(chunk: Buffer): Promise<void> {
    try {
      await this.#copy.write(chunk);
    } catch (error) {
      if (this.#ingest === undefined || !hasCode(error, "STORE_FULL", "STORE_UNUSABLE")) throw error;
      await this.#leaveStore(this.#ingest, error);
      await this.#copy.write(chunk);
    }
  }

  /** The store cannot take it any more: goes on in memory, which must cover what the hash covers. */
  async #leaveStore(ingest: Ingest, cause: unknown): Promise<void> {
    const memory = this.#openMemory(cause);
    await copyInto(memory, ingest);
    this.#copy = memory;
    this.#ingest = undefined;
    await ingest.close({ keep: false });
  }

  // --- filling it ---

  async #fillAndVerify(): Promise<boolean> {
    await this.#fill();
    if (await this.#copy.verify()) return true;
    this.#blame();
    if (![...this.#readers].some((reader) => reader.begun)) return false;
    await this.#ingest?.detach();
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
      if (this.#missing() > 0 && stuck) throw failureOf(this.want, this.attempts, this.#retryAfterMs);
    }
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
    // What waits for its digest must be held whole, and memory cannot hold it.
    const inMemory = this.#memory !== undefined && this.want.size > MEMORY_SPOOL_BYTES;
    return !inMemory || mayStream(source.kind, this.want.size, this.#init.verifyFirst);
  }

  async #ask(source: Source): Promise<void> {
    await this.#components.queue.run(source.kind, this.#abort.signal, async () => {
      if (this.#alone && !this.#contributors.has(source.label)) await this.#startOver();
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
    const { bytes } = await source.open({ offset: this.#copy.received, signal: this.#abort.signal });
    attempt.answered();
    for await (const chunk of bytes) {
      this.#contributors.set(source.label, { kind: source.kind, source });
      await this.#write(chunk);
      attempt.bytes += chunk.length;
      this.#taken += chunk.length;
      this.#release();
    }
    if (this.#missing() > 0) throw new SourceError("BROKEN", `ended ${this.#missing()} bytes early`);
  }

  #onFault(source: Source, error: unknown): void {
    if (!(error instanceof SourceError)) throw error;
    this.#retryAfterMs = lowest([this.#retryAfterMs, error.retryAfterMs]);
    this.#components.log.debug({ source: source.label, code: error.code }, `${this.#name}: ${error.message}`);
  }

  /** A wrong digest over one source's bytes is that source's doing; over several sources' bytes it marks nobody. */
  #blame(): void {
    const [only, ...others] = this.#contributors.values();
    if (only?.source === undefined || others.length > 0) {
      this.#alone = true;
      return;
    }
    const { source } = only;
    this.#liars.add(source.label);
    const error = new SourceError("WRONG_BYTES", `sent bytes with another digest than the Manifest's`);
    source.blame(error);
    this.attempts.push(new RunningAttempt(source, 0).end(error));
    this.#components.log.warn(`${source.label} ${error.message} for ${this.#name}: not stored`);
  }

  async #startOver(): Promise<void> {
    this.#released = 0;
    this.#contributors.clear();
    await this.#copy.restart();
  }

  #missing(): number {
    return this.want.size - this.#copy.received;
  }

  // --- the readers ---

  #release(): void {
    const contributors = [...this.#contributors.values()];
    const streams = contributors.every(({ kind }) => mayStream(kind, this.want.size, this.#init.verifyFirst));
    if (!streams) return this.#changed.fire();
    this.#released = this.#copy.received;
    this.#changed.fire();
  }

  #failureFor(begun: boolean): unknown {
    if (this.#state === "failed") return this.#error;
    return this.#state === "wrong" && !begun ? this.#error : undefined;
  }

  #readerMoved(): void {
    this.#memory?.readerMoved();
  }

  #readerLeft(reader: FlightReader): void {
    this.#readers.delete(reader);
    this.#readerMoved();
    this.#changed.fire();
    if (this.#readers.size > 0 || this.#state !== "running") return;
    if (this.#ingest !== undefined && this.#missing() <= this.#init.finishUpTo) return;
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
    const from = [...this.#contributors.keys()].join(", then ");
    const took = formatDuration(performance.now() - this.#began);
    this.#components.log.info(facts, `${name}: ${formatSize(this.want.size)} in ${took} from ${from}`);
  }

  async #commit(): Promise<void> {
    await this.#ingest?.commit().catch((error: unknown) => {
      this.#components.log.warn({ digest: this.want.digest }, `not kept: ${messageOf(error)}`);
    });
  }

  /** Gives the disk back: a failed partial at once, so that the next flight can go on with it; else after the readers. */
  async #close(): Promise<void> {
    if (this.#ingest === undefined) return;
    const { log } = this.#components;
    const close = (): Promise<void> =>
      this.#ingest!.close({ keep: this.#state !== "wrong" }).catch((error: unknown) => log.warn(messageOf(error)));
    if (this.#state === "failed") return close();
    void this.#readersGone().then(close);
  }

  async #readersGone(): Promise<void> {
    while (this.#readers.size > 0) await abortable(this.#changed.wait(), undefined);
  }
}

function lowest(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Takes over what an ingest has, as fast as the readers read on. */
async function copyInto(memory: MemorySpool, ingest: Ingest): Promise<MemorySpool> {
  while (memory.received < ingest.received) {
    const chunk = await ingest.read(memory.received, 2 ** 20);
    if (chunk.length === 0) throw new DistswarmError("STORE_UNUSABLE", "the partial cannot be read back");
    await memory.write(chunk);
  }
  return memory;
}
