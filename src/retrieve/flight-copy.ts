import type { BlobStore, Ingest } from "../core/blob-store.ts";
import type { Want } from "../core/distfile.ts";
import { DistswarmError, hasCode, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { MEMORY_SPOOL_BYTES, MemorySpool, type Spool, type SpoolReaders } from "./spool.ts";

/** Bytes that go from disk to memory at once when the store fails. */
const MOVED_BYTES = 2 ** 20;

/** What a flight's copy uses. */
export interface FlightCopyComponents {
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
  #ingest: Ingest | undefined;
  #memory: MemorySpool | undefined;

  constructor(components: FlightCopyComponents, want: Want, readers: SpoolReaders) {
    this.#components = components;
    this.#want = want;
    this.#readers = readers;
  }

  /** Opens it; bytes of an earlier run may be {@link FlightCopy.received} by then. Never fails. */
  async open(): Promise<void> {
    try {
      this.#ingest = await this.#components.store.ingest(this.#want);
    } catch (error) {
      this.#memory = this.#openMemory(error);
    }
  }

  get received(): number {
    return this.#spool?.received ?? 0;
  }

  /** Whether it will be in the store. */
  get isKept(): boolean {
    return this.#ingest !== undefined;
  }

  /** Whether all bytes can be held until the digest is known. */
  get holdsAll(): boolean {
    return this.#memory === undefined || this.#want.size <= MEMORY_SPOOL_BYTES;
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      await this.#opened.write(chunk);
    } catch (error) {
      if (this.#ingest === undefined || !hasCode(error, "STORE_FULL", "STORE_UNUSABLE")) throw error;
      await this.#leaveStore(this.#ingest, error);
      await this.#opened.write(chunk);
    }
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#opened.read(position, length);
  }

  verify(): Promise<boolean> {
    return this.#opened.verify();
  }

  restart(): Promise<void> {
    return this.#opened.restart();
  }

  /** Tells that a reader went on or left. */
  readerMoved(): void {
    this.#memory?.readerMoved();
  }

  /** Puts a verified copy into the store; where that fails, says so and goes on. */
  async commit(): Promise<void> {
    await this.#ingest?.commit().catch((error: unknown) => this.#warn(error));
  }

  /** See {@link Ingest.detach}. */
  async detach(): Promise<void> {
    await this.#ingest?.detach();
  }

  /** See {@link Ingest.close}; never fails. */
  async close(options: { keep: boolean }): Promise<void> {
    await this.#ingest?.close(options).catch((error: unknown) => this.#warn(error));
  }

  get #spool(): Spool | undefined {
    return this.#memory ?? this.#ingest;
  }

  get #opened(): Spool {
    if (this.#spool === undefined) throw new Error("the copy is not open yet");
    return this.#spool;
  }

  #openMemory(cause: unknown): MemorySpool {
    this.#warn(cause);
    return new MemorySpool(this.#want, this.#readers);
  }

  /** Goes on in memory, which must cover what the hash covers; the disk is read as fast as the readers go on. */
  async #leaveStore(ingest: Ingest, cause: unknown): Promise<void> {
    const memory = this.#openMemory(cause);
    while (memory.received < ingest.received) {
      const bytes = await ingest.read(memory.received, MOVED_BYTES);
      if (bytes.length === 0) throw new DistswarmError("STORE_UNUSABLE", "the partial cannot be read back");
      await memory.write(bytes);
    }
    this.#memory = memory;
    this.#ingest = undefined;
    await ingest.close({ keep: false });
  }

  #warn(cause: unknown): void {
    const name = this.#want.names[0] ?? this.#want.digest;
    this.#components.log.warn({ digest: this.#want.digest }, `${name} is not kept: ${messageOf(cause)}`);
  }
}
