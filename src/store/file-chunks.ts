import type { FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { ByteRange } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import { messageOf } from "../core/errors.ts";
import { BlobHash, CHUNK_BYTES, chunkCount, type ChunkSums, parseSums } from "./chunk-sums.ts";
import { crc32 } from "node:zlib";

/** What is wrong with the bytes of a file, as a phrase: `chunk 3 of 12 differs from its sum`. */
export class ChunkDamage extends Error {}

/**
 * Reads one chunk whole.
 *
 * @throws {ChunkDamage} where the file ends early or cannot be read.
 */
async function readChunk(handle: FileHandle, size: number, index: number): Promise<Buffer> {
  const start = index * CHUNK_BYTES;
  const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, size - start));
  let filled = 0;
  while (filled < chunk.length) {
    const { bytesRead } = await handle.read(chunk, filled, chunk.length - filled, start + filled).catch(unreadable);
    if (bytesRead === 0) throw new ChunkDamage(`ends after ${start + filled} of ${size} bytes`);
    filled += bytesRead;
  }
  return chunk;

  function unreadable(error: unknown): never {
    throw new ChunkDamage(`chunk ${index + 1} of ${chunkCount(size)} cannot be read (${messageOf(error)})`);
  }
}

/**
 * Chunks `first` up to but without `end`, in order; the next one is read while the consumer is busy with this one, so
 * that disk and socket overlap.
 */
async function* chunksAhead(handle: FileHandle, size: number, first: number, end: number): AsyncGenerator<Buffer> {
  if (first >= end) return;
  let ahead = readChunk(handle, size, first);
  try {
    for (let index = first; index < end; index++) {
      const chunk = await ahead;
      if (index + 1 < end) {
        ahead = readChunk(handle, size, index + 1);
        ahead.catch(() => {}); // thrown where it is awaited, or of no interest to a consumer who left
      }
      yield chunk;
    }
  } finally {
    await ahead.catch(() => {}); // the handle may be closed next
  }
}

/**
 * The bytes of `range` of a file, each chunk held against its sum before any byte of it comes out. Buffers are views
 * into chunks read for this caller alone.
 *
 * @throws {ChunkDamage} at the chunk that differs, is missing or cannot be read.
 */
export async function* readChecked(
  file: { handle: FileHandle; size: number; sums: ChunkSums },
  range: ByteRange,
): AsyncGenerator<Buffer> {
  const end = Math.min(range.end, file.size);
  if (range.start >= end) return;
  const sums = parseSums(file.sums);
  let index = Math.floor(range.start / CHUNK_BYTES);
  for await (const chunk of chunksAhead(file.handle, file.size, index, chunkCount(end))) {
    if (crc32(chunk) !== sums[index]) {
      throw new ChunkDamage(`chunk ${index + 1} of ${chunkCount(file.size)} differs from its sum`);
    }
    const start = index * CHUNK_BYTES;
    yield chunk.subarray(Math.max(range.start - start, 0), end - start);
    index++;
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
  handle: FileHandle,
  size: number,
  options: { signal?: AbortSignal; pauseMs?: number; onChunk?: (bytes: number) => void } = {},
): Promise<{ digest: Digest; sums: ChunkSums }> {
  const hash = new BlobHash();
  for await (const chunk of chunksAhead(handle, size, 0, chunkCount(size))) {
    options.signal?.throwIfAborted();
    hash.update(chunk);
    options.onChunk?.(chunk.length);
    if (options.pauseMs !== undefined) await delay(options.pauseMs, undefined, { signal: options.signal });
  }
  return hash.finish();
}
