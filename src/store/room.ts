import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { Ingest } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import { DistswarmError, systemCode } from "../core/errors.ts";
import { formatSize } from "../core/units.ts";
import type { BlobFiles } from "./blob-files.ts";
import { writeFault } from "./disk.ts";
import type { Distdir } from "./distdir.ts";
import { type EvictionPlan, planEviction } from "./eviction.ts";
import type { BlobRecords } from "./records.ts";

/** What is asked for the room that is taken, and for what may go. */
export interface RoomComponents {
  readonly records: BlobRecords;
  readonly blobs: BlobFiles;
  readonly distdir: Distdir | undefined;
  /** Ingests that are not committed yet. */
  readonly inFlight: ReadonlyMap<Digest, Ingest>;
  /** Whether somebody else vouches for a blob. */
  readonly isKept: (digest: Digest) => boolean;
}

/** The limits, in bytes. */
export interface RoomInit {
  readonly dir: string;
  readonly maxSize: number;
  readonly minFree: number;
}

/** The room in the store directory: measures it, and evicts to keep within the limits. */
export class Room {
  #components: RoomComponents;
  #init: RoomInit;
  #making: Promise<unknown> = Promise.resolve();

  constructor(components: RoomComponents, init: RoomInit) {
    this.#components = components;
    this.#init = init;
  }

  /** From now on these limits hold; the next ingest evicts what is above them. */
  limit({ maxSize, minFree }: Pick<RoomInit, "maxSize" | "minFree">): void {
    this.#init = { ...this.#init, maxSize, minFree };
  }

  /**
   * Refuses what could never fit.
   *
   * @throws {DistswarmError} `STORE_FULL`
   */
  checkSize(size: number): void {
    const { maxSize } = this.#init;
    if (size <= maxSize) return;
    throw new DistswarmError(
      "STORE_FULL",
      `a blob of ${formatSize(size)} is larger than store.max_size (${formatSize(maxSize)})`,
      { facts: { size, maxSize } },
    );
  }

  /**
   * Makes room for a blob: one whose ingest is in flight by now, or one that is still `coming`.
   *
   * @throws {DistswarmError} `STORE_FULL`, and nothing was evicted; `STORE_UNUSABLE`.
   */
  async makeFor({ size }: { size: number }, { coming = 0 }: { coming?: number } = {}): Promise<void> {
    const short = await this.make(coming);
    if (short === 0) return;
    const { dir } = this.#init;
    throw new DistswarmError(
      "STORE_FULL",
      `no room for ${formatSize(size)} in ${dir}: ${formatSize(short)} short of store.max_size and store.min_free, and ` +
        "nothing left to evict; free some space",
      { facts: { path: dir, size, short } },
    );
  }

  /**
   * Evicts until the limits hold with `coming` bytes more; where that is not to be had, nothing. Returns how many bytes
   * are lacking then. One at a time, lest two evict for one.
   */
  make(coming = 0): Promise<number> {
    const made = this.#making.then(() => this.#evict(coming));
    this.#making = made.catch(() => {});
    return made;
  }

  /**
   * What would be evicted now, for `coming` bytes more.
   *
   * @throws {DistswarmError} `STORE_UNUSABLE` when the file system does not answer.
   */
  async plan(coming = 0): Promise<EvictionPlan> {
    const { records, blobs, distdir, inFlight, isKept } = this.#components;
    const { dir, maxSize, minFree } = this.#init;
    const free = freeBytes(dir);
    const protectedBlobs = distdir?.protectedBlobs(Date.now());
    const ingests = [...inFlight.values()];
    return planEviction({
      blobs: records.candidates(),
      held: records.bytes + ingests.reduce((sum, { size }) => sum + size, coming),
      free,
      outstanding: ingests.reduce((sum, { size, received }) => sum + size - received, coming),
      maxSize,
      minFree,
      isPinned: (digest) => blobs.isPinned(digest) || inFlight.has(digest),
      isProtected: (digest) => isKept(digest) || (protectedBlobs?.has(digest) ?? false),
      isInDistdir: (digest) => distdir?.has(digest) ?? false,
    });
  }

  async #evict(coming: number): Promise<number> {
    const { victims, short } = await this.plan(coming);
    if (short === 0) await Promise.all(victims.map(({ digest }) => this.#components.blobs.remove(digest)));
    return short;
  }
}

/** On the spot: the kernel knows it by heart. A directory that somebody deleted is made anew where its parent is. */
function freeBytes(dir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch (error) {
    if (systemCode(error) === "ENOENT" && dirname(dir) !== dir) return freeBytes(dirname(dir));
    throw writeFault(error, dir);
  }
}
