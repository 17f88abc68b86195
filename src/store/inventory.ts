import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../core/digest.ts";
import { systemCode } from "../core/errors.ts";
import { digestAt, LAYOUT_CONF_NAME, type StorePaths } from "./layout.ts";

/** A file that lies where a blob belongs. Nothing of it was read. */
export interface FoundBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** What lies in `blobs/`: blobs by their names, and paths that belong to no blob. */
export interface Inventory {
  readonly blobs: readonly FoundBlob[];
  readonly strays: readonly string[];
}

/** Looks through `blobs/`, by names and stat alone. Throws system errors; a missing directory is empty. */
export async function takeInventory(paths: StorePaths): Promise<Inventory> {
  const blobs: FoundBlob[] = [];
  const strays: string[] = [];
  for (const shard of await entries(paths.blobs)) {
    const path = join(paths.blobs, shard.name);
    if (!shard.isDirectory()) {
      if (shard.name !== LAYOUT_CONF_NAME) strays.push(path);
      continue;
    }
    const found = await Promise.all((await entries(path)).map((entry) => identify(shard.name, path, entry)));
    for (const item of found) {
      if (typeof item === "string") strays.push(item);
      else if (item !== undefined) blobs.push(item);
    }
  }
  return { blobs, strays };
}

/** A blob, the path of a stray, or nothing when it went away meanwhile. */
async function identify(shard: string, dir: string, entry: Dirent): Promise<FoundBlob | string | undefined> {
  const path = join(dir, entry.name);
  const digest = digestAt(shard, entry.name);
  if (digest === undefined || !entry.isFile()) return path;
  const stat = await statOf(path);
  return stat && { digest, size: stat.size, modified: stat.mtimeMs };
}

/** The stat of a path itself, not of what a symlink points at; undefined when nothing is there. */
export async function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
}

/** Whether a system error says that the path is no longer there. */
export function isGone(error: unknown): boolean {
  return systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR";
}

/** What is in a directory; nothing when it is missing. */
export async function entries(dir: string): Promise<Dirent[]> {
  return readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
}
