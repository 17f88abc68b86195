import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../core/digest.ts";
import { isGone, messageOf, systemCode } from "../core/errors.ts";
import { readFault } from "./disk.ts";
import { digestAt, LAYOUT_CONF_NAME, type StorePaths } from "./layout.ts";

/** A file that lies where a blob belongs. Nothing of it was read. */
export interface FoundBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** A path in `blobs/` that is no blob, and why, as a phrase. */
interface Stray {
  readonly path: string;
  /** Bytes; 0 of what cannot be looked at. */
  readonly size: number;
  readonly why: string;
}

/** What lies in `blobs/`: blobs by their names, and the rest. */
export interface Inventory {
  readonly blobs: readonly FoundBlob[];
  readonly strays: readonly Stray[];
}

/**
 * Looks through `blobs/`, by names and stat alone. A missing directory is empty; a shard that cannot be looked into is a
 * stray.
 *
 * @throws {DistswarmError} `STORE_UNUSABLE` when `blobs/` itself cannot be read.
 */
export async function takeInventory(paths: StorePaths): Promise<Inventory> {
  const blobs: FoundBlob[] = [];
  const strays: Stray[] = [];
  const shards = await entries(paths.blobs).catch((error: unknown) => {
    throw readFault(error, paths.blobs);
  });
  for (const shard of shards) {
    for (const found of await lookInto(paths.blobs, shard)) {
      if ("digest" in found) blobs.push(found);
      else strays.push(found);
    }
  }
  return { blobs, strays };
}

async function lookInto(dir: string, shard: Dirent): Promise<(FoundBlob | Stray)[]> {
  if (shard.name === LAYOUT_CONF_NAME) return [];
  const path = join(dir, shard.name);
  try {
    if (!shard.isDirectory()) return await strayAt(path);
    const found = await Promise.all((await entries(path)).map((entry) => identify(shard.name, path, entry)));
    return found.flat();
  } catch (error) {
    return [{ path, size: 0, why: `cannot be looked into (${systemCode(error) ?? messageOf(error)})` }];
  }
}

/** A blob, a stray, or nothing when it went away meanwhile. */
async function identify(shard: string, dir: string, entry: Dirent): Promise<(FoundBlob | Stray)[]> {
  const path = join(dir, entry.name);
  const digest = digestAt(shard, entry.name);
  if (digest === undefined || !entry.isFile()) return strayAt(path);
  const stat = await statOf(path);
  return stat === undefined ? [] : [{ digest, size: stat.size, modified: stat.mtimeMs }];
}

async function strayAt(path: string): Promise<Stray[]> {
  const stat = await statOf(path);
  return stat === undefined ? [] : [{ path, size: stat.size, why: "belongs to no blob: nothing reads it, remove it" }];
}

/** The stat of a path itself, not of what a symlink points at; undefined when nothing is there. */
export async function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
}

/** What is in a directory; nothing when it is missing. */
export async function entries(dir: string): Promise<Dirent[]> {
  return readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
}
