import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { openDatabase, type Database } from "../../src/core/database.ts";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { createLogger, silentLogger, type Logger } from "../../src/core/logger.ts";
import { ManifestIndex } from "../../src/manifest/manifest-index.ts";

/** A directory for this test alone. */
export async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-manifest-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** The digest of a made-up distfile. */
export function digestFor(content: string): Digest {
  return digestOf(Buffer.from(content));
}

/** The DIST line of a file with this content. */
export function dist(name: string, content = name): string {
  return `DIST ${name} ${content.length} BLAKE2B ${digestFor(content)} SHA512 ${"0".repeat(128)}`;
}

/** Writes `repo/<path>` as rsync does: a temporary file, renamed. */
export async function writeIn(repo: string, path: string, text: string): Promise<void> {
  const file = join(repo, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** Writes a package's Manifest. */
export async function writeManifest(repo: string, pkg: string, ...lines: string[]): Promise<void> {
  await writeIn(repo, `${pkg}/Manifest`, lines.map((line) => `${line}\n`).join(""));
}

/** A database for this test alone; closed in the end. */
export async function database(): Promise<Database> {
  const db = await openDatabase(join(await temporaryDirectory(), "db"), silentLogger);
  onTestFinished(() => db.close());
  return db;
}

/** A logger, the messages it was given, and the errors that came with them. */
export function recordingLogger(): { log: Logger; messages: string[]; errors: unknown[] } {
  const messages: string[] = [];
  const errors: unknown[] = [];
  const write = (line: string): void => {
    const { msg, err } = JSON.parse(line) as { msg: string; err?: unknown };
    messages.push(msg);
    if (err !== undefined) errors.push(err);
  };
  return { log: createLogger("warn", { write }), messages, errors };
}

/** An index over these repositories, started and through its first scan; stopped in the end. */
export async function startIndex(db: Database, repos: string[], log: Logger = silentLogger): Promise<ManifestIndex> {
  const index = new ManifestIndex({ db, log }, { repos });
  onTestFinished(() => index.stop());
  const first = once(index, "refreshed");
  await index.start();
  await first;
  return index;
}

/** Resolves when a scan has found something changed. */
export async function nextChange(index: ManifestIndex): Promise<void> {
  return new Promise((resolve) => {
    const listen = ({ changed }: { changed: boolean }): void => {
      if (!changed) return;
      index.off("refreshed", listen);
      resolve();
    };
    index.on("refreshed", listen);
  });
}

/** Scans until the files are older than the tick of the clock by which they are compared: until none is read again. */
export async function settle(index: ManifestIndex): Promise<void> {
  const refreshed = once(index, "refreshed");
  await index.catchUp();
  const [{ read }] = (await refreshed) as [{ read: number }];
  if (read > 0) await settle(index);
}
