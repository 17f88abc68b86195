import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCode } from "../core/errors.ts";
import type { SnapshotAnnouncement, SnapshotPart } from "../core/snapshots.ts";
import { fileName, isDate } from "./name.ts";
import type { UnitPaths } from "./verify.ts";

/** Where units lie until they are verified: a directory for each date, below one that holds nothing else. */
export class Staging {
  readonly #dir: string;

  constructor(init: { dir: string }) {
    this.#dir = init.dir;
  }

  /** Removes what the last run left, but for the dates that are still wanted: those downloads are resumed. */
  async sweep(isWanted: (date: string) => boolean): Promise<void> {
    const names = await readdir(this.#dir).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    });
    for (const name of names) {
      if (!isDate(name) || !isWanted(name)) await rm(join(this.#dir, name), { recursive: true, force: true });
    }
  }

  /** Paths for the files of a date as upstream has them, by name. */
  byName(date: string): UnitPaths {
    return this.#paths(date, (part) => fileName(date, part));
  }

  /** Paths for files that peers announce, by digest: what came of one unit is not taken for another. */
  byDigest(date: string, { files }: SnapshotAnnouncement): UnitPaths {
    return this.#paths(date, (part) => files[part].digest);
  }

  /** Removes three files that are of no more use. */
  async drop(paths: UnitPaths): Promise<void> {
    for (const path of Object.values(paths)) await rm(path, { force: true });
    await rmdir(dirname(paths.tarball)).catch(() => {}); // another download of that date may be under way
  }

  #paths(date: string, name: (part: SnapshotPart) => string): UnitPaths {
    const path = (part: SnapshotPart): string => join(this.#dir, date, name(part));
    return { tarball: path("tarball"), signature: path("signature"), md5sum: path("md5sum") };
  }
}

/** Makes the directory in which three files are to be staged. Throws system errors. */
export async function makeStagingDir(paths: UnitPaths): Promise<void> {
  await mkdir(dirname(paths.tarball), { recursive: true, mode: 0o700 });
}
