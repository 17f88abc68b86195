import { rmdirSync, rmSync, statSync } from "node:fs";
import { constants, copyFile, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DIGEST_HEX_LENGTH } from "../core/digest.ts";
import { isGone } from "../core/errors.ts";
import { makeDirs } from "../core/fs/make-dirs.ts";
import type { SnapshotAnnouncement, SnapshotPart } from "../core/snapshots.ts";
import { fileName, isDate } from "./name.ts";
import type { UnitPaths } from "./verify.ts";

/** What the directories of units that peers announce begin with; the digest of the tarball follows. */
const PEERS_PREFIX = "peers-";
const PEERS_PATTERN = new RegExp(`^${PEERS_PREFIX}[0-9a-f]{${DIGEST_HEX_LENGTH}}$`);

/** Units that peers broke off of which the bytes are kept for another try; honest boxes announce the same few. */
const MAX_BROKEN_OFF = 2;

/** The bytes are shared where the file system can; what is there already is kept. */
const COPY_FLAGS = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;

/** Where units lie until they are verified: a directory for each date. */
export class Staging {
  readonly #dir: string;
  /** Directories in which something is being staged. */
  readonly #inUse = new Set<string>();

  constructor(init: { dir: string }) {
    this.#dir = init.dir;
  }

  /**
   * Removes what is left of downloads, but for the dates that are still wanted: those are resumed. What is not made here is
   * left alone: a store may be put into a directory that had another one of this name.
   */
  async sweep(isWanted: (date: string) => boolean): Promise<void> {
    for (const date of (await namesIn(this.#dir)).filter(isDate)) {
      const dir = join(this.#dir, date);
      if (isWanted(date) || this.#isInUse(dir)) continue;
      for (const path of await this.#peerDirs(date)) await rm(path, { recursive: true, force: true });
      await this.drop(this.byName(date));
    }
    await this.#trim();
  }

  /** Paths for the files of a date as upstream has them, by name. */
  byName(date: string): UnitPaths {
    return pathsIn(join(this.#dir, date), (part) => fileName(date, part));
  }

  /** Paths for files that peers announce, by digest: what came of one unit is not taken for another. */
  byDigest(date: string, { files }: SnapshotAnnouncement): UnitPaths {
    const dir = join(this.#dir, date, PEERS_PREFIX + files.tarball.digest);
    return pathsIn(dir, (part) => files[part].digest);
  }

  /**
   * Stages: nothing of it is swept until `work` has ended. After that what came to nothing is gone, and of what peers broke
   * off no more than a bound is kept.
   */
  async use<T>(paths: UnitPaths, work: () => Promise<T>): Promise<T> {
    const dir = dirname(paths.tarball);
    this.#inUse.add(dir);
    try {
      return await work();
    } finally {
      this.#inUse.delete(dir);
      this.#tidy(paths);
      await this.#trim().catch(() => {}); // the next sweep tries again
    }
  }

  /** Begins a tarball that peers announce with what is staged of that date by name: of the same tarball it mostly is. */
  async begin(date: string, paths: UnitPaths): Promise<void> {
    // nothing is staged, it was begun, or it cannot be copied, which is no fault of who announces it: all of it is fetched
    await copyFile(this.byName(date).tarball, paths.tarball, COPY_FLAGS).catch(() => {});
  }

  /** Removes three files that are of no more use, and the directory of their date where nothing else is staged in it. */
  async drop(paths: UnitPaths): Promise<void> {
    for (const path of Object.values(paths)) await rm(path, { force: true });
    this.#removeDirs(paths);
  }

  /** Removes files without a byte: a day that is not out yet leaves one at each look. */
  #tidy(paths: UnitPaths): void {
    Object.values(paths).forEach(removeEmptyFile);
    this.#removeDirs(paths);
  }

  /** Removes the directories of three files where nothing is staged in them; in use, they may be empty as yet. */
  #removeDirs({ tarball }: UnitPaths): void {
    const dir = dirname(tarball);
    const parent = dirname(dir);
    const dirs = parent === this.#dir ? [dir] : [dir, parent];
    for (const path of dirs) if (!this.#isInUse(path)) removeEmptyDir(path);
  }

  /** A member may announce one unit after the other and break each off: the disk is not its to fill. */
  async #trim(): Promise<void> {
    const brokenOff: { path: string; touched: number }[] = [];
    for (const date of (await namesIn(this.#dir)).filter(isDate)) {
      const paths = (await this.#peerDirs(date)).filter((path) => !this.#inUse.has(path));
      for (const path of paths) brokenOff.push({ path, touched: await lastTouched(path) });
    }
    brokenOff.sort((a, b) => b.touched - a.touched);
    for (const { path } of brokenOff.slice(MAX_BROKEN_OFF)) await rm(path, { recursive: true, force: true });
  }

  /** The directories of units of a date that peers announce. */
  async #peerDirs(date: string): Promise<string[]> {
    const dir = join(this.#dir, date);
    return (await namesIn(dir)).filter((name) => PEERS_PATTERN.test(name)).map((name) => join(dir, name));
  }

  #isInUse(path: string): boolean {
    return [...this.#inUse].some((dir) => dir === path || dirname(dir) === path);
  }
}

function pathsIn(dir: string, name: (part: SnapshotPart) => string): UnitPaths {
  const path = (part: SnapshotPart): string => join(dir, name(part));
  return { tarball: path("tarball"), signature: path("signature"), md5sum: path("md5sum") };
}

/** At once, like {@link removeEmptyDir}: in the next moment somebody may begin to stage there. */
function removeEmptyFile(path: string): void {
  try {
    if (statSync(path).size === 0) rmSync(path);
  } catch {
    // it is gone, or the next sweep tries again
  }
}

function removeEmptyDir(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // it holds something, or is gone
  }
}

/** What is in a directory; nothing in what is none. Throws other system errors. */
async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
}

/** When a file in `dir` was written last, in milliseconds since 1970. */
async function lastTouched(dir: string): Promise<number> {
  const times = (await namesIn(dir)).map(async (name) => {
    return stat(join(dir, name)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0, // it was dropped this moment
    );
  });
  return Math.max(0, ...(await Promise.all(times)));
}

/** Makes the directory in which three files are to be staged. Throws system errors. */
export async function makeStagingDir(paths: UnitPaths): Promise<void> {
  await makeDirs(dirname(paths.tarball), 0o700);
}
