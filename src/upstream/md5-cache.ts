import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { PackageRef } from "../core/distfile.ts";
import { readRepositoryFile } from "../core/fs/repository-file.ts";
import { parseRestrict, parseSrcUri, type FetchRestriction, type SrcUriFile } from "./src-uri.ts";

/** What an md5-cache entry (one ebuild) says of fetching. */
export interface CacheEntry {
  readonly files: readonly SrcUriFile[];
  readonly restrict: FetchRestriction;
}

/** The largest of ::gentoo have some 100 KB; dozens are read at once. */
const MAX_ENTRY_BYTES = 4 * 2 ** 20;

/** What an ebuild's file name ends in; what stands before it is the name of its cache file. */
const EBUILD = ".ebuild";

/** Where a repository keeps its md5-cache: a directory a category, a file an ebuild. */
export function cacheDir(repo: string): string {
  return join(repo, "metadata", "md5-cache");
}

/** Reads the text of a cache entry. Never throws. */
export function parseCacheEntry(text: string): CacheEntry {
  return { files: parseSrcUri(valueOf(text, "SRC_URI")), restrict: parseRestrict(valueOf(text, "RESTRICT")) };
}

/** Reads a cache entry; throws what keeps it from being read. */
export async function readCacheEntry(path: string): Promise<CacheEntry> {
  return parseCacheEntry(await readRepositoryFile(path, MAX_ENTRY_BYTES));
}

function valueOf(text: string, key: string): string {
  return new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1] ?? "";
}

/** Whether the repository has an md5-cache. */
export async function hasCache(repo: string): Promise<boolean> {
  return stat(cacheDir(repo)).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * The cache entries of a package's ebuilds; empty without an md5-cache. An ebuild that has none is skipped. The ebuilds
 * tell which: the directory of a category may hold thousands.
 */
export async function readEntriesOf({ repo, package: cpn }: PackageRef): Promise<CacheEntry[]> {
  const ebuilds = (await listOrEmpty(join(repo, cpn))).filter((file) => file.endsWith(EBUILD));
  const caches = ebuilds.map((file) => join(cacheDir(repo), dirname(cpn), basename(file, EBUILD)));
  const entries = await Promise.all(caches.map((path) => readCacheEntry(path).catch(() => undefined)));
  return entries.flatMap((entry) => entry ?? []);
}

/** The names in a directory; none when it cannot be read. */
export async function listOrEmpty(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => []);
}
