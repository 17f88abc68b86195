import type { BlobInfo } from "../../core/blob-store.ts";
import type { Digest } from "../../core/digest.ts";
import { isGone, messageOf, systemCode } from "../../core/errors.ts";
import type { StoreToolEvent } from "../../core/report/store-tool-event.ts";
import type { BlobFiles } from "../blob-files.ts";
import type { ChunkSums } from "../chunk-sums.ts";
import type { Distdir } from "../distdir.ts";
import { ChunkDamage, hashFile } from "../file-chunks.ts";
import { OpenFile } from "../open-file.ts";
import { Report } from "./report.ts";

/** Gets a blob that was dropped from somewhere else; throws when nobody has it. */
export type Refetch = (digest: Digest, signal: AbortSignal) => Promise<void>;

/** What fsck works on. */
interface FsckComponents {
  readonly blobs: BlobFiles;
  readonly distdir: Distdir | undefined;
  readonly refetch: Refetch;
}

/** A check under way: what it works on, how, and where it tells what it finds. */
interface Run extends FsckComponents {
  readonly repair: boolean;
  readonly report: Report;
  readonly signal: AbortSignal;
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
  const { strays } = await components.blobs.takeUp();
  await components.distdir?.rescan(); // what Portage changed or removed is no damage
  const blobs = [...components.blobs.list(), ...components.blobs.damaged(), ...(components.distdir?.files() ?? [])];
  const report = new Report(blobs.length);
  const run: Run = { ...components, repair: options.repair, report, signal };
  for (const { path, size, why } of strays) yield report.file({ file: path, size, verdict: "stray", detail: why });
  for (const blob of blobs) {
    signal.throwIfAborted();
    yield* checkBlob(run, blob);
    report.pass("checked");
  }
  yield report.progress();
  yield report.summary("no blob is in the store or shared from DISTDIR");
}

async function* checkBlob(run: Run, blob: BlobInfo): AsyncGenerator<StoreToolEvent> {
  const { blobs, report } = run;
  const release = blobs.hold(blob.digest);
  try {
    const health = yield* report.during(examine(run, blob), blob.path);
    if (health === "gone") return;
    if ("damage" in health) yield* treat(run, blob, health.damage);
    else if (blob.where === "store") await blobs.confirm(blob.digest, health.sums);
  } finally {
    release();
  }
}

async function* treat(run: Run, blob: BlobInfo, damage: string): AsyncGenerator<StoreToolEvent> {
  const { blobs, distdir, refetch, repair, report, signal } = run;
  const { path: file, size, digest } = blob;
  yield report.file({ file, size, verdict: "damaged", detail: damage });
  if (blob.where === "distdir") await distdir?.drop(digest, damage);
  else if (repair) await blobs.drop(digest, damage);
  else await blobs.mark(digest);
  if (!repair) return;
  const fault = yield* report.during(attempt(refetch(digest, signal)), file);
  yield report.file({ file, size, verdict: fault === undefined ? "repaired" : "unrepaired", detail: fault });
}

async function examine(run: Run, blob: BlobInfo): Promise<Health> {
  try {
    return await rehash(run, blob);
  } catch (error) {
    run.signal.throwIfAborted();
    if (error instanceof ChunkDamage) return { damage: error.message };
    if (isGone(error)) return isExpected(run, blob) ? { damage: "is missing" } : "gone";
    const code = systemCode(error);
    if (code === undefined || SHORTAGES.includes(code)) throw error;
    return { damage: `cannot be read (${code})` };
  }
}

async function rehash({ report, signal }: Run, blob: BlobInfo): Promise<Health> {
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
function isExpected({ blobs }: Run, { digest, where }: BlobInfo): boolean {
  return where === "store" && blobs.isRecorded(digest);
}

/** What went wrong, as text; nothing when it went well. */
async function attempt(work: Promise<void>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
}
