import { join } from "node:path";
import { type Digest, isDigest } from "../core/digest.ts";

/** The format of the store directory that this code reads and writes (DESIGN.md, Store). */
export const STORE_FORMAT = 1;

/**
 * What `blobs/layout.conf` says (GLEP 75): files lie under their BLAKE2B digest, below a directory of its first 8
 * bits, so Portage can use `blobs/` as a distdir.
 */
export const LAYOUT_CONF = "[structure]\n0=content-hash BLAKE2B 8\n";

/** Name of the file in `blobs/` that holds {@link LAYOUT_CONF}. */
export const LAYOUT_CONF_NAME = "layout.conf";

/** Hex characters in the name of a shard: 8 bits. */
const SHARD_LENGTH = 2;

/** Where everything in a store directory lies; paths as absolute as `dir` is. */
export interface StorePaths {
  readonly dir: string;
  /** Holds {@link STORE_FORMAT} as text. */
  readonly version: string;
  readonly blobs: string;
  readonly layoutConf: string;
  readonly partials: string;
  /** The directory that holds a blob: `blobs/<ab>`. */
  shard(digest: Digest): string;
  /** `blobs/<ab>/<digest>` */
  blob(digest: Digest): string;
  /** `partial/<digest>` */
  partial(digest: Digest): string;
}

/** The paths of format 1 below `dir`. */
export function storePaths(dir: string): StorePaths {
  const blobs = join(dir, "blobs");
  const partials = join(dir, "partial");
  const shard = (digest: Digest) => `${blobs}/${digest.slice(0, SHARD_LENGTH)}`; // join() would read all of it again
  return {
    dir,
    version: join(dir, "version"),
    blobs,
    layoutConf: join(blobs, LAYOUT_CONF_NAME),
    partials,
    shard,
    blob: (digest) => `${shard(digest)}/${digest}`,
    partial: (digest) => `${partials}/${digest}`,
  };
}

/** The digest of the blob that belongs at `blobs/<shard>/<name>`, or undefined when none does. */
export function digestAt(shard: string, name: string): Digest | undefined {
  return isDigest(name) && name.startsWith(shard) && shard.length === SHARD_LENGTH ? name : undefined;
}

/** Whether the text of a `version` file names the format that this code knows. */
export function isKnownFormat(text: string): boolean {
  return text.trim() === String(STORE_FORMAT);
}
