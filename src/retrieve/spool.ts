import { DigestHash, type Digest } from "../core/digest.ts";
import type { Ingest } from "../core/blob-store.ts";
import { DistswarmError } from "../core/errors.ts";
import { Pulse } from "../core/async/pulse.ts";

/** The growing copy of a flight: an {@link Ingest} of the store, or memory when the store cannot take it. */
export type Spool = Pick<Ingest, "received" | "write" | "read" | "verify" | "restart">;

/** Bytes that a {@link MemorySpool} keeps at most; a file up to this size is kept whole. */
export const MEMORY_SPOOL_BYTES = 16 * 2 ** 20;

/**
 * A reader that takes nothing for so long, in milliseconds, while the writer waits for it, is left behind: it may be stopped
 * for the night, and others wait for the bytes. wget (`-T 60`) waits longer than that.
 */
const LEFT_BEHIND_MS = 45_000;

/** What a {@link MemorySpool} must know of its readers. */
export interface SpoolReaders {
  /** The next byte of each present reader. */
  positions(): readonly number[];
  readonly signal: AbortSignal;
}

/**
 * A growing copy in memory, for when the store is full or broken: the client still gets its file. Keeps the last
 * {@link MEMORY_SPOOL_BYTES}; a writer that is further ahead than that waits for the slowest reader, as long as that reads.
 */
export class MemorySpool implements Spool {
  readonly #want: { digest: Digest; size: number };
  readonly #readers: SpoolReaders;
  readonly #moved = new Pulse();
  #hash = new DigestHash();
  #chunks: Buffer[] = [];
  /** The position of the first byte kept. */
  #start = 0;
  /** Readers that have not got beyond it are waited for no more. */
  #leftBehind = -1;
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

  /**
   * Appends; waits while the slowest reader is more than the kept bytes behind.
   *
   * @throws {DistswarmError} `NO_SOURCE` when every reader was left behind.
   */
  async write(chunk: Uint8Array): Promise<void> {
    while (this.#isFull()) await this.#waitForSlowest();
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
    this.#leftBehind = -1;
    this.received = 0;
  }

  #isFull(): boolean {
    if (this.#keepsAll()) return false;
    return this.received - Math.max(this.#lowest ?? 0, this.#start) >= MEMORY_SPOOL_BYTES;
  }

  /** The lowest position that a reader has yet to read; undefined when there is none but those that were left behind. */
  get #lowest(): number | undefined {
    const positions = this.#readers.positions().filter((position) => position > this.#leftBehind);
    return positions.length === 0 ? undefined : Math.min(...positions);
  }

  /** Waits until the slowest reader goes on or leaves; one that does neither is left behind. */
  async #waitForSlowest(): Promise<void> {
    const lowest = this.#lowest;
    const isInVain = lowest === undefined && this.#readers.positions().length > 0;
    if (isInVain) throw new DistswarmError("NO_SOURCE", "nobody who asked for it takes it any more");
    const late = new AbortController();
    const timer = setTimeout(() => {
      late.abort();
      this.#moved.fire();
    }, LEFT_BEHIND_MS);
    try {
      while (!late.signal.aborted && lowest === this.#lowest) await this.#moved.wait(this.#readers.signal);
    } finally {
      clearTimeout(timer);
    }
    if (!late.signal.aborted || lowest === undefined) return;
    this.#leftBehind = lowest;
    this.#dropRead();
  }

  #keepsAll(): boolean {
    return this.#want.size <= MEMORY_SPOOL_BYTES;
  }

  #dropRead(): void {
    if (this.#keepsAll()) return;
    const lowest = this.#lowest ?? 0;
    for (let first = this.#chunks[0]; first && this.#start + first.length <= lowest; first = this.#chunks[0]) {
      this.#start += first.length;
      this.#chunks.shift();
    }
  }
}
