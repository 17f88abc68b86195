import type { BlobStore, Ingest } from "../core/blob-store.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { DistswarmError, hasCode, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { MEMORY_SPOOL_BYTES, MemorySpool, type Spool, type SpoolReaders } from "./spool.ts";

/** Bytes that are read back at once when the store fails. */
const READ_BACK_BYTES = 2 ** 20;

/** What a flight's copy uses. */
interface FlightCopyComponents {
  readonly store: BlobStore;
  readonly log: Logger;
}

/**
 * The growing copy of a flight: an ingest of the store; when that cannot take it, or not any more, memory. The client's file
 * matters more than our copy.
 */
export class FlightCopy implements Spool {
  readonly #components: FlightCopyComponents;
  readonly #want: Want;
  readonly #readers: SpoolReaders;
  /** The store's copy; where memory has taken over, the bytes before those in memory. */
  #ingest: Ingest | undefined;
  #memory: MemorySpool | undefined;
  /** Why it is not kept, when it is not. */
  problem: unknown;

  constructor(components: FlightCopyComponents, want: Want, readers: SpoolReaders) {
    this.#components = components;
    this.#want = want;
    this.#readers = readers;
  }

  /** Opens it; bytes of an earlier run may be {@link FlightCopy.received} by then. Throws only when `signal` aborts. */
  async open(signal: AbortSignal): Promise<void> {
    try {
      this.#ingest = await this.#components.store.ingest(this.#want, { signal });
    } catch (error) {
      signal.throwIfAborted();
      this.#leaveStore(error);
    }
  }

  get received(): number {
    return (this.#memory ?? this.#ingest)?.received ?? 0;
  }

  /** Whether it will be in the store. */
  get isKept(): boolean {
    return this.#memory === undefined;
  }

  /** Whether all bytes can be held until the digest is known. */
  get holdsAll(): boolean {
    return this.isKept || this.#want.size <= MEMORY_SPOOL_BYTES;
  }

  /** Whether a new reader finds every byte from the first on. */
  get reachesStart(): boolean {
    return this.#memory === undefined || this.#memory.start <= (this.#ingest?.received ?? 0);
  }

  /**
   * Appends. When the store fails, a file that memory can hold goes on there.
   *
   * @throws {DistswarmError} `STORE_FULL`, `STORE_UNUSABLE` for a larger one: go on with {@link FlightCopy.streamOn} or
   * {@link FlightCopy.beginInMemory}.
   */
  async write(chunk: Uint8Array): Promise<void> {
    try {
      await this.#current.write(chunk);
    } catch (error) {
      if (!this.isKept || !hasCode(error, "STORE_FULL", "STORE_UNUSABLE")) throw error;
      this.problem = error;
      if (this.#want.size > MEMORY_SPOOL_BYTES) throw error;
      await this.#moveToMemory(error);
      await this.#current.write(chunk);
    }
  }

  /** After a failed write: what has been received stays where it is for the readers, the rest passes through memory. */
  async streamOn(): Promise<void> {
    const memory = this.#leaveStore(this.problem);
    await this.#readBack((bytes) => memory.skip(bytes));
  }

  /** After a failed write: drops all, and begins again in memory. */
  async beginInMemory(): Promise<void> {
    this.#leaveStore(this.problem);
    await this.#closeIngest({ keep: false });
  }

  async read(position: number, length: number, into?: Buffer): Promise<Buffer> {
    const isBefore = this.#memory === undefined || position < (this.#ingest?.received ?? 0);
    return (isBefore ? this.#ingest : this.#memory)!.read(position, length, into);
  }

  verify(): Promise<boolean> {
    return this.#current.verify();
  }

  async restart(): Promise<void> {
    if (this.#memory !== undefined) await this.#closeIngest({ keep: false });
    await this.#current.restart();
  }

  /** Tells that a reader went on or left. */
  readerMoved(): void {
    this.#memory?.readerMoved();
  }

  /** Puts a verified copy into the store; where that fails, says so and lets go of its name. */
  async commit(): Promise<void> {
    if (!this.isKept) return;
    await this.#ingest?.commit().catch(async (error: unknown) => {
      this.#warn(error);
      await this.detach();
    });
  }

  /** See {@link Ingest.detach}; never fails. */
  async detach(): Promise<void> {
    await this.#ingest?.detach().catch((error: unknown) => this.#warn(error));
  }

  /** See {@link Ingest.close}; never fails. */
  async close({ keep }: { keep: boolean }): Promise<void> {
    await this.#closeIngest({ keep: keep && this.isKept });
  }

  get #current(): Spool {
    const current = this.#memory ?? this.#ingest;
    if (current === undefined) throw new Error("the copy is not open yet");
    return current;
  }

  #leaveStore(cause: unknown): MemorySpool {
    this.problem = cause;
    this.#warn(cause);
    this.#memory = new MemorySpool(this.#want, this.#readers);
    return this.#memory;
  }

  async #moveToMemory(cause: unknown): Promise<void> {
    const memory = this.#leaveStore(cause);
    await this.#readBack((bytes) => memory.write(bytes));
    await this.#closeIngest({ keep: false });
  }

  async #readBack(take: (bytes: Buffer) => void | Promise<void>): Promise<void> {
    const ingest = this.#ingest!;
    for (let position = 0; position < ingest.received;) {
      const bytes = await ingest.read(position, READ_BACK_BYTES);
      if (bytes.length === 0) throw new DistswarmError("STORE_UNUSABLE", "the partial cannot be read back");
      await take(bytes);
      position += bytes.length;
    }
  }

  async #closeIngest(options: { keep: boolean }): Promise<void> {
    const ingest = this.#ingest;
    if (this.#memory !== undefined) this.#ingest = undefined;
    await ingest?.close(options).catch((error: unknown) => this.#warn(error));
  }

  #warn(cause: unknown): void {
    this.#components.log.warn({ digest: this.#want.digest }, `${nameOf(this.#want)} is not kept: ${messageOf(cause)}`);
  }
}
