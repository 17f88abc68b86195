import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DistswarmError, isGone, systemCode } from "../core/errors.ts";
import { prepareDirs } from "./disk.ts";
import type { StorePaths } from "./layout.ts";

/** Which directory it is (one that is made anew may get the same inode), on which file system. */
interface Place {
  readonly directory: string;
  readonly dev: number;
}

/**
 * What lies at the path of `blobs/`: the directory of before; on the same file system another one, or none; or `away`: what
 * shows there is another file system, as in the mount point of a disk that was put away.
 */
type Look = "same" | "emptied" | "away";

/**
 * The directories of a store. What somebody deleted of them is made anew, but only on the file system that they were on: a
 * mount point is no place for a store.
 */
export class StoreDirs {
  readonly paths: StorePaths;
  /** `blobs/`, as it was when it counted as the same last; undefined before the start. */
  #place: Place | undefined;
  #wereMissing = false;

  constructor(paths: StorePaths) {
    this.paths = paths;
  }

  /**
   * Makes what is missing; harmless where all is there. Throws system errors, also where it cannot be written.
   *
   * @throws {DistswarmError} `STORE_UNUSABLE` where their file system was put away.
   */
  async prepare(): Promise<void> {
    if ((await this.look()) === "away") throw this.awayFault();
    if (this.#place === undefined) this.#wereMissing = (await placeOf(this.paths.blobs)) === undefined;
    try {
      await prepareDirs(this.paths);
    } finally {
      if (this.#place === undefined) await this.settle();
    }
  }

  /** Whether there was no `blobs/` at the start. */
  get wereMissing(): boolean {
    return this.#wereMissing;
  }

  /** Does it again after making the directories anew, where somebody deleted them. */
  async with<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
    await this.prepare();
    return action();
  }

  /** From now on, what is there counts as the same. */
  async settle(): Promise<void> {
    this.#place = (await placeOf(this.paths.blobs)) ?? this.#place;
  }

  /** A file system that is mounted again may get another number: then its directories are the same ones. */
  async look(): Promise<Look> {
    const before = this.#place;
    if (before === undefined) return "same";
    const now = await placeOf(this.paths.blobs);
    if (now?.directory === before.directory) return "same";
    const { dev } = now ?? (await nearestPlace(this.paths.blobs));
    return dev === before.dev ? "emptied" : "away";
  }

  /** What `away` means to the administrator. */
  awayFault(): DistswarmError<"STORE_UNUSABLE"> {
    const { dir } = this.paths;
    const mend = "mount the one that it was on, or restart distswarm, which then keeps its blobs in what is there";
    return new DistswarmError("STORE_UNUSABLE", `cannot write ${dir} (it is on another file system now): ${mend}`, {
      facts: { path: dir, system: "unmounted" },
    });
  }
}

/** Undefined where there is nothing. Throws other system errors. */
async function placeOf(path: string): Promise<Place | undefined> {
  try {
    const { dev, ino, birthtimeMs } = await stat(path);
    return { directory: `${ino}:${birthtimeMs}`, dev };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Of a path, or of the nearest directory above it. */
async function nearestPlace(path: string): Promise<Place> {
  return (await placeOf(path)) ?? nearestPlace(dirname(path));
}
