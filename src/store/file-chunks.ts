import { setTimeout as delay } from "node:timers/promises";
import { crc32 } from "node:zlib";
import type { ByteRange } from "../core/blob-store.ts";
import { bufferPool, type Loan } from "../core/data/buffer-pool.ts";
import type { Digest } from "../core/digest.ts";
import { messageOf, systemCode } from "../core/errors.ts";
import { BlobHash, CHUNK_BYTES, chunkCount, type ChunkSums, parseSums } from "./chunk-sums.ts";
import type { LoadTurns } from "./load-turns.ts";

/** A file with fewer bytes is read at once: its load is shorter than the wait for a turn. */
const TURN_FROM_BYTES = 256 * 1024;

/** Chunks loaded while the consumer is busy with one; two are no faster, and each is 1 MiB more for every stream. */
const CHUNKS_AHEAD = 1;

/** Buffers used in turn: those being loaded, the consumer's, and the one before, which may still be on its way out. */
const RING_BUFFERS = CHUNKS_AHEAD + 2;

/** What is read from: an {@link OpenFile}, or a file handle of Node's. */
export interface ReadableFile {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** What is wrong with the bytes of a file, as a phrase: `chunk 3 of 12 differs from its sum`. */
export class ChunkDamage extends Error {}

/** Where the bytes of a chunk are put: fresh memory, or the same few buffers in turn. */
type Allocate = (index: number) => Buffer;

function fresh(size: number): Allocate {
  return (index) => Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES));
}

/** Buffers in turn stay in the processor's caches, where fresh ones cost page faults: half of the time of a read. */
function inTurn(size: number, loan: Loan): Allocate {
  const ring: Buffer[] = [];
  return (index) => {
    ring[index % RING_BUFFERS] ??= loan.take(Math.min(CHUNK_BYTES, size));
    return ring[index % RING_BUFFERS]!.subarray(0, size - index * CHUNK_BYTES);
  };
}

/**
 * Fills `chunk` with the bytes of one chunk.
 *
 * @throws {ChunkDamage} where the file ends early or the disk cannot read it. Other system errors say nothing about the
 * file (a handle closed meanwhile), and pass as they are.
 */
async function readChunk(handle: ReadableFile, size: number, index: number, chunk: Buffer): Promise<Buffer> {
  const start = index * CHUNK_BYTES;
  let filled = 0;
  while (filled < chunk.length) {
    const { bytesRead } = await handle.read(chunk, filled, chunk.length - filled, start + filled).catch(unreadable);
    if (bytesRead === 0) throw new ChunkDamage(`ends after ${start + filled} of ${size} bytes`);
    filled += bytesRead;
  }
  return chunk;

  function unreadable(error: unknown): never {
    if (systemCode(error) !== "EIO") throw error;
    throw new ChunkDamage(`chunk ${index + 1} of ${chunkCount(size)} cannot be read (${messageOf(error)})`);
  }
}

/**
 * Chunks `first` up to but without `end`, in order; the next ones are loaded while the consumer is busy with this one,
 * so that disk, checking and socket overlap.
 */
async function* chunksAhead(
  load: (index: number) => Promise<Buffer>,
  first: number,
  end: number,
): AsyncGenerator<Buffer> {
  const ahead: Promise<Buffer>[] = [];
  let next = first;
  const loadNext = () => {
    if (next === end) return;
    const loading = load(next++);
    loading.catch(() => {}); // thrown where it is awaited, or of no interest to a consumer who left
    ahead.push(loading);
  };
  try {
    for (let i = 0; i < CHUNKS_AHEAD; i++) loadNext();
    for (let loading = ahead.shift(); loading !== undefined; loading = ahead.shift()) {
      const chunk = await loading;
      loadNext();
      yield chunk;
    }
  } finally {
    await Promise.allSettled(ahead); // the handle may be closed next
  }
}

/**
 * The bytes of `range` of a file, each chunk held against its sum before any byte of it comes out.
 *
 * @param options.lend buffers are of this loan, and filled again after the consumer asked for two more; without one they are
 * the consumer's
 * @throws {ChunkDamage} at the chunk that differs, is missing or cannot be read.
 */
export async function* readChecked(
  file: { handle: ReadableFile; size: number; sums: ChunkSums; turns: LoadTurns },
  range: ByteRange,
  options: { lend?: Loan } = {},
): AsyncGenerator<Buffer> {
  const end = Math.min(range.end, file.size);
  if (range.start >= end) return;
  const sums = parseSums(file.sums);
  const allocate = options.lend === undefined ? fresh(file.size) : inTurn(file.size, options.lend);
  const first = Math.floor(range.start / CHUNK_BYTES);
  let start = first * CHUNK_BYTES;
  const load = (index: number): Promise<Buffer> => {
    return file.size < TURN_FROM_BYTES ? loadChecked(index) : file.turns.run(() => loadChecked(index));
  };
  for await (const chunk of chunksAhead(load, first, chunkCount(end))) {
    yield chunk.subarray(Math.max(range.start - start, 0), end - start);
    start += chunk.length;
  }

  async function loadChecked(index: number): Promise<Buffer> {
    const chunk = await readChunk(file.handle, file.size, index, allocate(index));
    if (crc32(chunk) === sums[index]) return chunk;
    throw new ChunkDamage(`chunk ${index + 1} of ${chunkCount(file.size)} differs from its sum`);
  }
}

/**
 * Hashes the first `size` bytes of a file.
 *
 * @param options.pauseMs rest after each chunk, so that other work goes first; none by default
 * @param options.onChunk told the bytes of each chunk
 * @throws {ChunkDamage} when it ends early or cannot be read.
 */
export async function hashFile(
  handle: ReadableFile,
  size: number,
  options: { signal?: AbortSignal; pauseMs?: number; onChunk?: (bytes: number) => void } = {},
): Promise<{ digest: Digest; sums: ChunkSums }> {
  const hash = new BlobHash();
  const loan = bufferPool.lend();
  const allocate = inTurn(size, loan);
  const load = (index: number) => readChunk(handle, size, index, allocate(index));
  try {
    for await (const chunk of chunksAhead(load, 0, chunkCount(size))) {
      options.signal?.throwIfAborted();
      hash.update(chunk);
      options.onChunk?.(chunk.length);
      if (options.pauseMs !== undefined) await delay(options.pauseMs, undefined, { signal: options.signal });
    }
    return hash.finish();
  } finally {
    loan.end();
  }
}
