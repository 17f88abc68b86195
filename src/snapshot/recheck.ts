import { buffer } from "node:stream/consumers";
import type { BlobStore, OpenBlob } from "../core/blob-store.ts";
import { DistswarmError } from "../core/errors.ts";
import type { SnapshotFile } from "../core/snapshots.ts";
import { fileName } from "./name.ts";
import { readPromising } from "./signature.ts";
import type { Judgement, VerifiedUnit } from "./verify.ts";

/**
 * Holds the signature of a kept unit against a changed keyring. Its bytes need no other check: the store reads them by
 * their chunk sums.
 *
 * @throws {SnapshotRefused} the check that failed; {DistswarmError} `NOT_FOUND`, `BLOB_DAMAGED`.
 */
export async function recheck(store: Pick<BlobStore, "open">, unit: VerifiedUnit, judgement: Judgement): Promise<void> {
  const signature = await withBlob(store, unit.files.signature, (blob) => buffer(blob.read()));
  const promising = await readPromising(signature, judgement);
  await withBlob(store, unit.files.tarball, (blob) => promising.check(blob.read()));

  async function withBlob<T>(from: typeof store, file: SnapshotFile, use: (blob: OpenBlob) => Promise<T>): Promise<T> {
    const blob = await from.open(file.digest);
    if (blob === undefined) {
      throw new DistswarmError("NOT_FOUND", `a file of ${fileName(unit.date, "tarball")} is not in the store any more`);
    }
    try {
      return await use(blob);
    } finally {
      await blob.close();
    }
  }
}
