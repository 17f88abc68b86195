import { open } from "node:fs/promises";
import type { StoreToolEvent } from "../../core/agent-api.ts";
import type { BlobInfo } from "../../core/blob-store.ts";
import type { Digest } from "../../core/digest.ts";
import { messageOf } from "../../core/errors.ts";
import type { BlobFiles } from "../blob-files.ts";
import type { ChunkSums } from "../chunk-sums.ts";
import type { Distdir } from "../distdir.ts";
import { ChunkDamage, hashFile } from "../file-chunks.ts";
import { isGone } from "../inventory.ts";
import { Report } from "./report.ts";

/** Gets a blob that was dropped from somewhere else; throws when nobody has it. */
export type Refetch = (digest: Digest, signal: AbortSignal) => Promise<void>;

/** What fsck works on. */
export interface FsckComponents {
  readonly blobs: BlobFiles;
  readonly distdir: Distdir | undefined;
  /** Brings records and disk in line; returns paths that belong to no blob. */
  readonly reconcile: () => Promise<readonly string[]>;
  readonly refetch: Refetch;
}

/** What re-hashing a file showed; `gone`: evicted meanwhile. */
type Health = { readonly sums: ChunkSums } | { readonly damage: string } | "gone";

/**
 * Reads and hashes every blob and every file shared from DISTDIR. Damaged blobs of the store are named and served no
 * more; with `repair` they are dropped and fetched anew. Strays in `blobs/` are named and left. Nothing in DISTDIR is
 * changed, but a damaged file is not shared.
 */
export async function* fsck(
  components: FsckComponents,
  options: { repair: boolean },
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const strays = await components.reconcile();
  const blobs = [...components.blobs.list(), ...components.blobs.damaged(), ...(components.distdir?.files() ?? [])];
  const report = new Report(blobs.length);
  for (const file of strays) yield report.file({ file, size: 0, verdict: "stray", detail: "belongs to no blob" });
  for (const blob of blobs) {
    signal.throwIfAborted();
    yield* checkBlob(components, blob, options, report, signal);
    report.pass("checked");
  }
  yield report.progress();
  yield report.summary();
}

async function* checkBlob(
  components: FsckComponents,
  blob: BlobInfo,
  options: { repair: boolean },
  report: Report,
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const release = components.blobs.hold(blob.digest);
  try {
    const health = yield* report.during(examine(blob, report, signal), blob.path);
    if (health === "gone") return;
    if ("damage" in health) yield* treat(components, blob, health.damage, options, report, signal);
    else if (blob.where === "store") await components.blobs.confirm(blob.digest, health.sums);
  } finally {
    release();
  }
}

async function* treat(
  components: FsckComponents,
  blob: BlobInfo,
  damage: string,
  options: { repair: boolean },
  report: Report,
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const { path: file, size, digest } = blob;
  yield report.file({ file, size, verdict: "damaged", detail: damage });
  if (blob.where === "distdir") await components.distdir?.drop(digest, damage);
  else if (options.repair) await components.blobs.drop(digest, damage);
  else await components.blobs.mark(digest);
  if (!options.repair) return;
  const fault = yield* report.during(attempt(components.refetch(digest, signal)), file);
  yield report.file({ file, size, verdict: fault === undefined ? "repaired" : "unrepaired", detail: fault });
}

async function examine(blob: BlobInfo, report: Report, signal: AbortSignal): Promise<Health> {
  try {
    const handle = await open(blob.path, "r");
    try {
      const onChunk = (bytes: number) => report.addBytes(bytes);
      const { digest, sums } = await hashFile(handle, blob.size, { signal, onChunk });
      return digest === blob.digest ? { sums } : { damage: "differs from its digest" };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isGone(error)) return "gone";
    if (error instanceof ChunkDamage) return { damage: error.message };
    throw error;
  }
}

/** What went wrong, as text; nothing when it went well. */
async function attempt(work: Promise<void>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
}
