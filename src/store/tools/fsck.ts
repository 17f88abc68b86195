import type { BlobInfo } from "../../core/blob-store.ts";
import type { Digest } from "../../core/digest.ts";
import { messageOf, systemCode } from "../../core/errors.ts";
import type { StoreToolEvent } from "../../core/store-tool-event.ts";
import type { BlobFiles } from "../blob-files.ts";
import type { ChunkSums } from "../chunk-sums.ts";
import type { Distdir } from "../distdir.ts";
import { ChunkDamage, hashFile } from "../file-chunks.ts";
import { isGone } from "../inventory.ts";
import { OpenFile } from "../open-file.ts";
import { Report } from "./report.ts";

/** Gets a blob that was dropped from somewhere else; throws when nobody has it. */
export type Refetch = (digest: Digest, signal: AbortSignal) => Promise<void>;

/** What fsck works on. */
interface FsckComponents {
  readonly blobs: BlobFiles;
  readonly distdir: Distdir | undefined;
  /** Whether a blob is on its way into the store. */
  readonly isInFlight: (digest: Digest) => boolean;
  readonly refetch: Refetch;
}

/** System errors that tell of what this box lacks (open files, memory), and nothing about the file. */
const SHORTAGES = ["EMFILE", "ENFILE", "ENOMEM"];

/** What re-hashing a file showed; `gone`: evicted or taken from DISTDIR meanwhile. */
type Health = { readonly sums: ChunkSums } | { readonly damage: string } | "gone";

/**
 * Reads and hashes every blob and every file shared from DISTDIR. Damaged blobs of the store (missing, unreadable, of
 * another length or other bytes) are named and served no more; with `repair` they are dropped and fetched anew. Strays in
 * `blobs/` are named and left. Nothing in DISTDIR is changed, but a damaged file is not shared.
 */
export async function* fsck(
  components: FsckComponents,
  options: { repair: boolean },
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const { strays } = await components.blobs.takeUp(components.isInFlight);
  await components.distdir?.rescan(); // what Portage changed or removed is no damage
  const blobs = [...components.blobs.list(), ...components.blobs.damaged(), ...(components.distdir?.files() ?? [])];
  const report = new Report(blobs.length);
  for (const { path, size, why } of strays) yield report.file({ file: path, size, verdict: "stray", detail: why });
  for (const blob of blobs) {
    signal.throwIfAborted();
    yield* checkBlob(components, blob, options, report, signal);
    report.pass("checked");
  }
  yield report.progress();
  yield report.summary("no blob is in the store or shared from DISTDIR");
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
    const health = yield* report.during(examine(components, blob, report, signal), blob.path);
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

async function examine(
  components: FsckComponents,
  blob: BlobInfo,
  report: Report,
  signal: AbortSignal,
): Promise<Health> {
  try {
    return await rehash(blob, report, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ChunkDamage) return { damage: error.message };
    if (isGone(error)) return isExpected(components, blob) ? { damage: "is missing" } : "gone";
    const code = systemCode(error);
    if (code === undefined || SHORTAGES.includes(code)) throw error;
    return { damage: `cannot be read (${code})` };
  }
}

async function rehash(blob: BlobInfo, report: Report, signal: AbortSignal): Promise<Health> {
  const file = OpenFile.open(blob.path, "read");
  try {
    const { size } = file.stat();
    if (size !== blob.size) return { damage: `is ${size} bytes long, not ${blob.size}` };
    const { digest, sums } = await hashFile(file, size, { signal, onChunk: (bytes) => report.addBytes(bytes) });
    return digest === blob.digest ? { sums } : { damage: "differs from its digest" };
  } finally {
    file.close();
  }
}

/** Whether the file of a blob ought to be there: an eviction takes the record before the file; DISTDIR is Portage's. */
function isExpected({ blobs }: FsckComponents, { digest, where }: BlobInfo): boolean {
  return where === "store" && blobs.isRecorded(digest);
}

/** What went wrong, as text; nothing when it went well. */
async function attempt(work: Promise<void>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
}
