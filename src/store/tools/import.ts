import type { BlobStore, Ingest } from "../../core/blob-store.ts";
import type { Distfile } from "../../core/distfile.ts";
import type { DistfileNames } from "../../core/distfile-index.ts";
import { hasCode } from "../../core/errors.ts";
import type { StoreToolEvent } from "../../core/report/store-tool-event.ts";
import { ChunkDamage, hashFile } from "../file-chunks.ts";
import { type FoundFile, readImportDir } from "./import-dir.ts";
import { type FileReport, Report } from "./report.ts";
import { ReadFault, SourceFile } from "./source-file.ts";

/** Bytes copied at a time. */
const COPY_BYTES = 2 ** 20;

/** What the import works on. */
interface ImportComponents {
  readonly store: BlobStore;
  readonly index: DistfileNames;
}

/** What became of a file. */
type Verdict = Pick<FileReport, "verdict" | "detail">;

/**
 * Takes the distfiles in a directory, or in a mirror's tree, into the store, by copy; the files stay as they are. Each file is looked up by
 * its name and size, and then has to match the digest. What the store has no room for is skipped, what cannot be read is
 * named, and what is no regular file is counted.
 *
 * @throws {DistswarmError} `INVALID_REQUEST` when the directory cannot be read; `STORE_UNUSABLE`.
 */
export async function* importFiles(
  components: ImportComponents,
  dir: string,
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const { files, leftOut } = await readImportDir(dir);
  const report = new Report(files.length);
  for (const file of files) {
    signal.throwIfAborted();
    const verdict = yield* report.during(importFile(components, file, report, signal), file.path);
    yield report.file({ file: file.path, size: file.size, ...verdict });
    report.pass();
  }
  yield report.progress();
  yield report.summary(`${dir} holds no file that may be a distfile`, leftOut);
}

async function importFile(
  { store, index }: ImportComponents,
  { name, path }: FoundFile,
  report: Report,
  signal: AbortSignal,
): Promise<Verdict> {
  if (name === undefined) return { verdict: "unknown", detail: "its name is not UTF-8, so no Manifest names it" };
  const known = await index.byName(name);
  if (known.length === 0) return nameless(index, name);
  try {
    const file = await SourceFile.open(path);
    const candidate = { file, onBytes: (n: number) => report.addBytes(n), signal };
    return await judge(store, known, candidate).finally(() => file.close());
  } catch (error) {
    return faultOf(error);
  }
}

/** The verdict on a file that is at fault itself, or that the store has no room for; other errors pass. */
function faultOf(error: unknown): Verdict {
  if (hasCode(error, "STORE_FULL")) return { verdict: "skipped", detail: error.message };
  if (error instanceof ReadFault) return { verdict: "unreadable", detail: error.message };
  if (error instanceof ChunkDamage) return { verdict: "wrong", detail: `it ${error.message} by now` };
  throw error;
}

/** A file to take in, and how. */
interface Candidate {
  readonly file: SourceFile;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

async function judge(store: BlobStore, known: readonly Distfile[], candidate: Candidate): Promise<Verdict> {
  const actual = candidate.file.size;
  const sized = known.filter(({ size }) => size === actual);
  if (sized.length === 0) {
    return { verdict: "wrong", detail: `${actual} bytes, not ${known.map(({ size }) => size).join(" or ")}` };
  }
  const blob = sized.length === 1 ? sized[0]! : await matching(sized, candidate);
  if (blob === undefined) return { verdict: "wrong", detail: "its digest is not the one in the Manifests" };
  return (await store.find(blob.digest)) === undefined ? adopt(store, blob, candidate) : { verdict: "known" };
}

/** Why a name has no distfile. */
async function nameless(index: DistfileNames, name: string): Promise<Verdict> {
  return (await index.isUndigested(name))
    ? { verdict: "undigested", detail: "its Manifest names it without a BLAKE2B digest, so it cannot be checked" }
    : { verdict: "unknown", detail: "no Manifest names it" };
}

/** Which of several distfiles of one name and size it is. */
async function matching(distfiles: readonly Distfile[], candidate: Candidate): Promise<Distfile | undefined> {
  const { file, signal } = candidate;
  const { digest } = await hashFile(file, file.size, { signal });
  return distfiles.find((distfile) => distfile.digest === digest);
}

async function adopt(store: BlobStore, blob: Distfile, candidate: Candidate): Promise<Verdict> {
  const ingest = await store.ingest(blob, candidate);
  try {
    await ingest.restart(); // a partial of other origin could spoil a right file
    await copy(ingest, candidate);
    if (!(await ingest.verify())) return { verdict: "wrong", detail: "its digest is not the one in the Manifests" };
    await ingest.commit();
    return { verdict: "adopted" };
  } finally {
    await ingest.close({ keep: false });
  }
}

async function copy(ingest: Ingest, { file, onBytes, signal }: Candidate): Promise<void> {
  const { size } = file;
  const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, size));
  while (ingest.received < size) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, ingest.received);
    if (bytesRead === 0) return; // cut short meanwhile: it will not verify
    await ingest.write(buffer.subarray(0, Math.min(bytesRead, size - ingest.received)));
    onBytes(bytesRead);
  }
}
