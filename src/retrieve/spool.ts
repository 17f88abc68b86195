import { DigestHash, type Digest } from "../core/digest.ts";
import type { Ingest } from "../core/blob-store.ts";
import { Pulse } from "../core/pulse.ts";

/** The growing copy of a flight: an {@link Ingest} of the store, or memory when the store cannot take it. */
export type Spool = Pick<Ingest, "received" | "write" | "read" | "verify" | "restart">;

/** Bytes that a {@link MemorySpool} keeps at most; a file up to this size is kept whole. */
export const MEMORY_SPOOL_BYTES = 16 * 2 ** 20;

/** What a {@link MemorySpool} must know of its readers. */
export interface SpoolReaders {
  /** The lowest position that a present reader has yet to read; undefined when there is none. */
  lowestPosition(): number | undefined;
  readonly signal: AbortSignal;
}

/**
 * A growing copy in memory, for when the store is full or broken: the client still gets its file. Keeps the last
 * {@link MEMORY_SPOOL_BYTES}; a writer that is further ahead than that waits for the slowest reader.
 */
export class MemorySpool implements Spool {
  readonly #want: { digest: Digest; size: number };
  readonly #readers: SpoolReaders;
  readonly #moved = new Pulse();
  #hash = new DigestHash();
  #chunks: Buffer[] = [];
  /** The position of the first byte kept. */
  #start = 0;
  received = 0;

  constructor(want: { digest: Digest; size: number }, readers: SpoolReaders) {
    this.#want = want;
    this.#readers = readers;
  }

  /** The position of the first byte that can still be read. */
  get start(): number {
    return this.#start;
  }

  /** Counts bytes that are elsewhere as received before all others, so that the hash covers them. */
  skip(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.received += bytes.length;
    this.#start = this.received;
  }

  /** Appends; waits while the slowest reader is more than the kept bytes behind. */
  async write(chunk: Uint8Array): Promise<void> {
    while (this.#isFull()) await this.#moved.wait(this.#readers.signal);
    this.#hash.update(chunk);
    this.#chunks.push(Buffer.from(chunk));
    this.received += chunk.length;
    this.#dropRead();
  }

  /** Up to `length` bytes from `position`; empty where they are not kept any more. */
  async read(position: number, length: number): Promise<Buffer> {
    let at = this.#start;
    for (const chunk of this.#chunks) {
      if (position >= at && position < at + chunk.length) return chunk.subarray(position - at, position - at + length);
      at += chunk.length;
    }
    return Buffer.alloc(0);
  }

  /** Tells that a reader went on or left. */
  readerMoved(): void {
    this.#dropRead();
    this.#moved.fire();
  }

  /** As {@link Ingest.verify}; once. */
  async verify(): Promise<boolean> {
    return this.received === this.#want.size && this.#hash.digest() === this.#want.digest;
  }

  /** Forgets all. */
  async restart(): Promise<void> {
    this.#hash = new DigestHash();
    this.#chunks = [];
    this.#start = 0;
    this.received = 0;
  }

  #isFull(): boolean {
    if (this.#keepsAll()) return false;
    const lowest = this.#readers.lowestPosition() ?? 0;
    return this.received - Math.max(lowest, this.#start) >= MEMORY_SPOOL_BYTES;
  }

  #keepsAll(): boolean {
    return this.#want.size <= MEMORY_SPOOL_BYTES;
  }

  #dropRead(): void {
    if (this.#keepsAll()) return;
    const lowest = this.#readers.lowestPosition() ?? 0;
    for (let first = this.#chunks[0]; first && this.#start + first.length <= lowest; first = this.#chunks[0]) {
      this.#start += first.length;
      this.#chunks.shift();
    }
  }
}
