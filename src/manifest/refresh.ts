import { forEachConcurrently } from "./concurrent.ts";
import type { DamagedLine, DistLine } from "./parse.ts";
import { readManifest } from "./read.ts";
import { nameKey, writeLine, type ManifestRecord } from "./records.ts";
import { manifestOf, scanRepo, type FoundManifest, type RepoScan } from "./scan.ts";
import type { ManifestChange, Tables } from "./tables.ts";
import { Writer } from "./writer.ts";

/** Manifests read at once. */
const READERS = 4;

/** What a refresh did. */
export interface Refreshed {
  /** Whether any answer may be another one now. */
  readonly changed: boolean;
  /** How many Manifests were read. */
  readonly read: number;
  /** Each repository as it was found, by its directory. */
  readonly repos: ReadonlyMap<string, RepoScan>;
  /** Milliseconds that looking for changes took. */
  readonly scanMs: number;
}

/** What a refresh works on. */
interface RefreshTask {
  readonly tables: Tables;
  /** What the tables know of each Manifest, by directory; kept in step with what is written. */
  readonly known: Map<string, ManifestRecord>;
  /** Directories of repositories. */
  readonly repos: readonly string[];
  readonly signal: AbortSignal;
  /** Told of each line that is damaged and was not before. */
  readonly onDamage: (manifest: string, damage: DamagedLine) => void;
}

/**
 * Brings the tables up to what the repositories hold now. Whatever ends this early, the next refresh reads only what
 * this one had not written.
 *
 * @throws what the tables throw, and the reason of `signal`.
 */
export async function refresh(task: RefreshTask): Promise<Refreshed> {
  const { tables, known, signal } = task;
  const began = performance.now();
  const repos = await scanRepos(task);
  const stale = findStale(known, repos);
  const gone = findGone(known, repos);
  const scanMs = performance.now() - began;

  const writer = new Writer(tables, known);
  await forEachConcurrently(stale, READERS, async (found) => {
    signal.throwIfAborted();
    const change = await readChange(task, found);
    if (change !== undefined) await writer.add(change);
  });
  await forEachConcurrently(gone, READERS, async (dir) => {
    signal.throwIfAborted();
    await writer.add({ dir, lines: [], added: [], removed: await tables.lines(dir), record: undefined });
  });
  await writer.flush();
  if (!tables.finished) await tables.finish();
  return { changed: writer.changed, read: stale.length, repos, scanMs };
}

async function scanRepos({ repos, signal }: RefreshTask): Promise<Map<string, RepoScan>> {
  const scans = new Map<string, RepoScan>();
  for (const repo of repos) scans.set(repo, await scanRepo(repo, signal));
  return scans;
}

function findStale(known: ReadonlyMap<string, ManifestRecord>, repos: ReadonlyMap<string, RepoScan>): FoundManifest[] {
  const found = [...repos.values()].flatMap(({ manifests }) => manifests);
  return found.filter(({ dir, signature }) => signature === "" || signature !== known.get(dir)?.signature);
}

/** Known Manifests that are no more. What lies in a repository that could not be read to its end is not gone for that. */
function findGone(known: ReadonlyMap<string, ManifestRecord>, repos: ReadonlyMap<string, RepoScan>): string[] {
  const gone = new Set(known.keys());
  for (const [repo, { manifests, error }] of repos) {
    for (const { dir } of manifests) gone.delete(dir);
    if (error === undefined) continue;
    for (const dir of gone) if (dir.startsWith(`${repo}/`)) gone.delete(dir);
  }
  return [...gone];
}

/** What the Manifest changes in the tables; one that cannot be read keeps its lines, and is read again next time. */
async function readChange(task: RefreshTask, found: FoundManifest): Promise<ManifestChange | undefined> {
  const { dir, signature } = found;
  const old = task.known.get(dir);
  const before = old === undefined ? [] : await task.tables.lines(dir);
  const manifest = await readManifest(found);
  if (manifest === undefined) return undefined;
  const [lines, damaged] = "dist" in manifest ? [linesOf(manifest.dist), manifest.damaged] : [before, [manifest]];
  reportNew(damaged, old?.damaged ?? [], (damage) => task.onDamage(manifestOf(dir), damage));
  return {
    dir,
    lines,
    added: without(lines, before),
    removed: without(before, lines),
    record: { signature: "dist" in manifest ? signature : "", damaged },
  };
}

/** One name with one digest is one line, whatever size else the Manifest gives it; the last counts, as for Portage. */
function linesOf(dist: readonly DistLine[]): string[] {
  return [...new Map(dist.map((line) => [nameKey(line, ""), writeLine(line)])).values()];
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const excluded = new Set(others);
  return lines.filter((line) => !excluded.has(line));
}

/** A damaged line is the same as long as it says the same, wherever in the file it has moved. */
function reportNew(
  damaged: readonly DamagedLine[],
  before: readonly DamagedLine[],
  report: (damage: DamagedLine) => void,
): void {
  const told = new Set(before.map(({ reason, text }) => `${reason} ${text}`));
  for (const damage of damaged) if (!told.has(`${damage.reason} ${damage.text}`)) report(damage);
}
