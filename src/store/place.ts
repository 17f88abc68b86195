import { rename } from "node:fs/promises";
import type { Digest } from "../core/digest.ts";
import { systemCode } from "../core/errors.ts";
import { syncDir } from "../core/fs/sync-dir.ts";
import { makeDir } from "./disk.ts";
import type { StoreDirs } from "./store-dirs.ts";

/**
 * Puts the partial of a blob, whose bytes are durable, where the blob belongs, durably. Throws system errors; then the
 * partial is where it was.
 */
export async function placeBlob(dirs: StoreDirs, digest: Digest): Promise<void> {
  const { paths } = dirs;
  await renameIntoShard(dirs, digest);
  try {
    await syncDir(paths.shard(digest));
  } catch (error) {
    await rename(paths.blob(digest), paths.partial(digest));
    throw error;
  }
}

/** The directory of most blobs is there, so it is made only where the rename misses it. */
async function renameIntoShard(dirs: StoreDirs, digest: Digest): Promise<void> {
  const { paths } = dirs;
  const place = (): Promise<void> => rename(paths.partial(digest), paths.blob(digest));
  try {
    await place();
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    await dirs.with(() => makeDir(paths.shard(digest)));
    await place();
  }
}
