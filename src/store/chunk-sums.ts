import { crc32 } from "node:zlib";
import { type Digest, DigestHash } from "../core/digest.ts";

/** Bytes that one chunk sum covers: 1 MiB. The last chunk of a blob is shorter. */
export const CHUNK_BYTES = 2 ** 20;

/** Bytes of one CRC32. */
const SUM_BYTES = 4;

/** The CRC32 of each chunk of a blob, as records hold them: big-endian 32-bit words in base64. */
export type ChunkSums = string;

/** The chunk sums of a blob, one unsigned number a chunk. */
export function parseSums(sums: ChunkSums): number[] {
  const bytes = Buffer.from(sums, "base64");
  return Array.from({ length: Math.floor(bytes.length / SUM_BYTES) }, (_, i) => bytes.readUInt32BE(i * SUM_BYTES));
}

/** Chunk sums as records hold them, from one number a chunk. */
export function formatSums(sums: readonly number[]): ChunkSums {
  const bytes = Buffer.alloc(sums.length * SUM_BYTES);
  sums.forEach((sum, i) => bytes.writeUInt32BE(sum, i * SUM_BYTES));
  return bytes.toString("base64");
}

/** What a record keeps of the bytes of a blob. */
export interface BlobSums {
  readonly digest: Digest;
  readonly sums: ChunkSums;
}

/** How many chunks a blob of `size` bytes has. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

/** Digest and chunk sums of one blob, taken in one pass over its bytes in order. */
export class BlobHash {
  readonly #digest = new DigestHash();
  #sums: number[] = [];
  #length = 0;

  /** Adds bytes, in pieces of any length. */
  update(bytes: Uint8Array): this {
    this.#digest.update(bytes);
    let taken = 0;
    while (taken < bytes.length) taken += this.#sum(bytes.subarray(taken));
    return this;
  }

  /** Ends the hash; it takes no more bytes afterwards. */
  finish(): BlobSums {
    return { digest: this.#digest.digest(), sums: formatSums(this.#sums) };
  }

  /** Nothing to let go of. */
  close(): void {}

  /** Sums what of `bytes` belongs to the current chunk; returns how many bytes that is. */
  #sum(bytes: Uint8Array): number {
    const index = Math.floor(this.#length / CHUNK_BYTES);
    const part = bytes.subarray(0, (index + 1) * CHUNK_BYTES - this.#length);
    this.#sums[index] = crc32(part, this.#sums[index] ?? 0);
    this.#length += part.length;
    return part.length;
  }
}
