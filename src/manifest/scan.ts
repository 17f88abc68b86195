import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isGone, messageOf } from "../core/errors.ts";
import { readRepositoryFile } from "../core/fs/repository-file.ts";
import { forEachConcurrently } from "./concurrent.ts";

/** Directories at the top of a repository that are no categories (PMS, chapter 4, and what Portage keeps beside them). */
const NOT_CATEGORIES = new Set([
  "metadata",
  "profiles",
  "eclass",
  "licenses",
  "scripts",
  "distfiles",
  "packages",
  "local",
  "lost+found",
]);

/** Directories and files looked at at once: enough to keep the four threads of libuv's pool busy. */
const CONCURRENCY = 16;

/** Milliseconds within which a file may change twice and carry one time: the kernel's clock for files ticks every 4-10. */
const CLOCK_TICK = 50;

/** A package's Manifest and what tells one state of it from another. */
export interface FoundManifest {
  /** The package's directory, absolute: `<repo>/<category>/<name>`. */
  readonly dir: string;
  /** Equal as long as the file is unchanged; empty when that cannot be told yet, so that it is read again. */
  readonly signature: string;
}

/** What a walk over one repository found. */
export interface RepoScan {
  /** As `profiles/repo_name` says, else the name of the directory. */
  readonly name: string;
  readonly manifests: readonly FoundManifest[];
  /**
   * What kept some of it from being read, one reason of several; what is
   * missing from `manifests` may still be there then.
   */
  readonly error?: string;
}

/**
 * Finds the Manifests of the ebuild repository at `repo` without reading them. Never rejects, but for an abort: what
 * went wrong is in the answer.
 */
export async function scanRepo(repo: string, signal: AbortSignal): Promise<RepoScan> {
  const manifests: FoundManifest[] = [];
  const packages: string[] = [];
  const errors: string[] = [];
  const orNothing = (error: unknown): undefined => void (isGone(error) || errors.push(messageOf(error)));

  const top = await directories(repo).catch((error: unknown) => void errors.push(messageOf(error)));
  const categories = (top ?? []).filter((dir) => !NOT_CATEGORIES.has(basename(dir)));
  await forEachConcurrently(categories, CONCURRENCY, async (category) => {
    signal.throwIfAborted();
    packages.push(...((await directories(category).catch(orNothing)) ?? []));
  });
  await forEachConcurrently(packages, CONCURRENCY, async (dir) => {
    signal.throwIfAborted();
    const stats = await stat(manifestOf(dir)).catch(orNothing);
    if (stats?.isFile()) manifests.push({ dir, signature: signatureOf(stats) });
  });
  const [error] = errors.sort();
  return { name: await repoName(repo), manifests, ...(error !== undefined && { error }) };
}

/** The path of a package's Manifest. */
export function manifestOf(dir: string): string {
  return `${dir}/Manifest`;
}

/** Subdirectories, and links that may lead to some; hidden ones are nobody's category or package. */
async function directories(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true });
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
    .map((entry) => join(parent, entry.name));
}

/** By the time of change, not of modification: rsync, tar and cp -p set the latter. */
function signatureOf({ ctimeMs, size, ino }: Stats): string {
  const mayChangeUnseen = Math.abs(Date.now() - ctimeMs) < CLOCK_TICK;
  return mayChangeUnseen ? "" : `${ctimeMs} ${size} ${ino}`;
}

async function repoName(repo: string): Promise<string> {
  const text = await readRepositoryFile(join(repo, "profiles", "repo_name")).catch(() => "");
  return text.trim().split("\n")[0] || basename(repo);
}
