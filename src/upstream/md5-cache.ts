import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { PackageRef } from "../core/distfile.ts";
import { parseRestrict, parseSrcUri, type FetchRestriction, type SrcUriFile } from "./src-uri.ts";

/** What an md5-cache entry (one ebuild) says of fetching. */
export interface CacheEntry {
  readonly files: readonly SrcUriFile[];
  readonly restrict: FetchRestriction;
}

/** A version and its revision (PMS 3.2, 3.3). */
const VERSION = /^\d+(\.\d+)*[a-z]?(_(alpha|beta|pre|rc|p)\d*)*(-r\d+)?$/;

/** Where a repository keeps its md5-cache: a directory a category, a file an ebuild. */
export function cacheDir(repo: string): string {
  return join(repo, "metadata", "md5-cache");
}

/** Whether a cache file `<name>-<version>` belongs to the package `name`, and not to `<name>-<more>`. */
export function isEntryOf(file: string, name: string): boolean {
  return file.startsWith(`${name}-`) && VERSION.test(file.slice(name.length + 1));
}

/** Reads the text of a cache entry. Never throws. */
export function parseCacheEntry(text: string): CacheEntry {
  return { files: parseSrcUri(valueOf(text, "SRC_URI")), restrict: parseRestrict(valueOf(text, "RESTRICT")) };
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

/** The cache entries of all versions of a package; empty without an md5-cache. Entries that vanish meanwhile are skipped. */
export async function readEntriesOf({ repo, package: cpn }: PackageRef): Promise<CacheEntry[]> {
  const [category = "", name = ""] = cpn.split("/");
  const dir = join(cacheDir(repo), category);
  const files = (await listOrEmpty(dir)).filter((file) => isEntryOf(file, name));
  const texts = await Promise.all(files.map((file) => readFile(join(dir, file), "utf8").catch(() => undefined)));
  return texts.flatMap((text) => (text === undefined ? [] : [parseCacheEntry(text)]));
}

/** The names in a directory; none when it cannot be read. */
export async function listOrEmpty(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => []);
}
