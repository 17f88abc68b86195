import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { StoreToolEvent } from "../../core/agent-api.ts";
import type { BlobStore, Ingest } from "../../core/blob-store.ts";
import type { Distfile } from "../../core/distfile.ts";
import type { DistfileNames } from "../../core/distfile-index.ts";
import { DistswarmError, hasCode, messageOf, systemCode } from "../../core/errors.ts";
import { ownUser } from "../../core/own-user.ts";
import { mayBeDistfile } from "../distdir-names.ts";
import { hashFile } from "../file-chunks.ts";
import { type FileReport, Report } from "./report.ts";

/** Bytes copied at a time. */
const COPY_BYTES = 2 ** 20;

/** What the import works on. */
export interface ImportComponents {
  readonly store: BlobStore;
  readonly index: DistfileNames;
}

/** What became of a file. */
type Verdict = Pick<FileReport, "verdict" | "detail">;

/**
 * Takes the distfiles in a directory into the store, by copy; the files stay as they are. Each file is looked up by
 * its name and size, and then has to match the digest. What the store has no room for is skipped.
 *
 * @throws {DistswarmError} `INVALID_REQUEST` when the directory cannot be read; `STORE_UNUSABLE`.
 */
export async function* importFiles(
  components: ImportComponents,
  dir: string,
  signal: AbortSignal,
): AsyncGenerator<StoreToolEvent> {
  const names = await fileNames(dir);
  const report = new Report(names.length);
  for (const name of names) {
    signal.throwIfAborted();
    const file = join(dir, name);
    const { size, ...verdict } = yield* report.during(importFile(components, { dir, name }, report, signal), file);
    yield report.file({ file, size, ...verdict });
    report.pass();
  }
  yield report.progress();
  yield report.summary(`${dir} holds no file that may be a distfile`);
}

async function fileNames(dir: string): Promise<string[]> {
  try {
    const found = await readdir(dir, { withFileTypes: true });
    return found.filter((entry) => entry.isFile() && mayBeDistfile(entry.name)).map(({ name }) => name);
  } catch (error) {
    throw new DistswarmError("INVALID_REQUEST", whyUnreadable(dir, error), { cause: error });
  }
}

/** One line for a directory or file that is not to be had; the agent is another user than who asked for the import. */
function whyUnreadable(path: string, error: unknown): string {
  const code = systemCode(error);
  return code === "EACCES"
    ? `the agent runs as ${ownUser()}, who may not read ${path}: let that user read it`
    : `cannot read ${path} (${code ?? messageOf(error)})`;
}

async function importFile(
  components: ImportComponents,
  { dir, name }: { dir: string; name: string },
  report: Report,
  signal: AbortSignal,
): Promise<Verdict & { size: number }> {
  const path = join(dir, name);
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) =>
    whyUnreadable(path, error),
  );
  if (typeof handle === "string") return { size: 0, verdict: "wrong", detail: handle };
  try {
    const { size } = await handle.stat();
    const candidate = { name, handle, size, onBytes: (n: number) => report.addBytes(n), signal };
    return { size, ...(await judge(components, candidate).catch(skipped)) };
  } finally {
    await handle.close();
  }
}

/** A file that the store has no room for; other errors pass. */
function skipped(error: unknown): Verdict {
  if (!hasCode(error, "STORE_FULL")) throw error;
  return { verdict: "skipped", detail: error.message };
}

/** A file to take in, and how. */
interface Candidate {
  readonly name: string;
  readonly handle: FileHandle;
  readonly size: number;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

async function judge({ store, index }: ImportComponents, candidate: Candidate): Promise<Verdict> {
  const known = await index.byName(candidate.name);
  if (known.length === 0) return nameless(index, candidate.name);
  const sized = known.filter(({ size }) => size === candidate.size);
  if (sized.length === 0) {
    return { verdict: "wrong", detail: `${candidate.size} bytes, not ${known.map(({ size }) => size).join(" or ")}` };
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
  const { digest } = await hashFile(candidate.handle, candidate.size, { signal: candidate.signal });
  return distfiles.find((distfile) => distfile.digest === digest);
}

async function adopt(store: BlobStore, blob: Distfile, candidate: Candidate): Promise<Verdict> {
  const ingest = await store.ingest(blob);
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

async function copy(ingest: Ingest, { handle, size, onBytes, signal }: Candidate): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, size));
  while (ingest.received < size) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, ingest.received);
    if (bytesRead === 0) return; // cut short meanwhile: it will not verify
    await ingest.write(buffer.subarray(0, Math.min(bytesRead, size - ingest.received)));
    onBytes(bytesRead);
  }
}
