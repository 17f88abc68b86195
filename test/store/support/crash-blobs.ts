import { createHash } from "node:crypto";
import { type Digest, digestOf } from "../../../src/core/digest.ts";

/** How many blobs the crash test turns over. */
export const CRASH_BLOBS = 16;

/** Bytes of the crash test's store: about half of its blobs fit, so that it evicts all the time. */
export const CRASH_MAX_SIZE = 4 * 2 ** 20;

/** One of the blobs of the crash test: 1 byte to about 1.2 MB, the same in parent and child. */
export function crashBlob(index: number): { bytes: Buffer; digest: Digest; size: number } {
  const size = 1 + index * 77_777;
  const bytes = createHash("shake256", { outputLength: size }).update(`crash ${index}`).digest();
  return { bytes, digest: digestOf(bytes), size };
}
