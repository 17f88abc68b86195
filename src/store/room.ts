import { statfsSync } from "node:fs";
import type { Digest } from "../core/digest.ts";
import { DistswarmError, systemCode } from "../core/errors.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import { formatSize } from "../core/text/units.ts";
import type { BlobFiles } from "./blob-files.ts";
import { writeFault } from "./disk.ts";
import type { Distdir } from "./distdir.ts";
import {
  type EvictionCandidate,
  type EvictionPlan,
  type EvictionState,
  planEviction,
  type Victim,
} from "./eviction.ts";
import type { Leftovers } from "./leftovers.ts";
import type { BlobRecords } from "./records.ts";
import type { StoreDirs } from "./store-dirs.ts";

/** Most blobs removed at the same time: each takes 7 KiB of memory meanwhile, and a lower limit may evict very many. */
const REMOVALS_AT_ONCE = 100;

/** What is asked for the room that is taken, and for what may go. */
interface RoomComponents {
  readonly records: BlobRecords;
  readonly blobs: BlobFiles;
  readonly distdir: Distdir | undefined;
  /** Ingests that there is room for, not committed yet. */
  readonly inFlight: ReadonlyMap<Digest, ComingBlob>;
  /** They go where nothing else is left to make room on the disk: the next retrieval then begins anew. */
  readonly leftovers: Leftovers;
  /** Whether somebody else vouches for a blob. */
  readonly isKept: (digest: Digest) => boolean;
}

/** A blob on its way into the store, or to be staged beside it. Bytes. */
interface ComingBlob {
  readonly digest?: Digest;
  readonly size: number;
  readonly received: number;
}

/** The limits, in bytes. */
interface RoomLimits {
  readonly maxSize: number;
  readonly minFree: number;
}

/** The room in the store directory: measures it, and evicts to keep within the limits. */
export class Room {
  readonly #components: RoomComponents;
  readonly #dirs: StoreDirs;
  #limits: RoomLimits;
  readonly #turns = new OneByOne();

  constructor(components: RoomComponents, init: RoomLimits & { dirs: StoreDirs }) {
    this.#components = components;
    this.#dirs = init.dirs;
    this.#limits = init;
  }

  /** From now on these limits hold; {@link make} evicts what is above them. */
  limit(limits: RoomLimits): void {
    this.#limits = limits;
  }

  /**
   * Refuses what could never fit.
   *
   * @throws {DistswarmError} `STORE_FULL`
   */
  checkSize(size: number): void {
    const { maxSize } = this.#limits;
    if (size <= maxSize) return;
    throw new DistswarmError(
      "STORE_FULL",
      `a blob of ${formatSize(size)} is larger than store.max_size (${formatSize(maxSize)})`,
      { facts: { size, maxSize } },
    );
  }

  /**
   * Makes room for a blob. Where there is some, `admit` is called, and has to put its ingest in flight on the spot: one
   * that does not fit is never in flight, lest it count against its neighbours.
   *
   * @throws {DistswarmError} `STORE_FULL`, and nothing was evicted; `STORE_UNUSABLE`, also where what is to go is stuck.
   */
  async makeFor(blob: ComingBlob, admit = () => {}): Promise<void> {
    const short = await this.#turns.run(async () => {
      const lacking = await this.#evict([blob]);
      if (lacking === 0) admit();
      return lacking;
    });
    if (short === 0) return;
    const { size } = blob;
    const { dir } = this.#dirs.paths;
    throw new DistswarmError(
      "STORE_FULL",
      `no room for ${formatSize(size)} in ${dir}: ${formatSize(short)} short of store.max_size and store.min_free, and ` +
        "nothing left to evict; free some space",
      { facts: { path: dir, size, short } },
    );
  }

  /**
   * Evicts until the limits hold; where that is not to be had, nothing. Returns how many bytes are lacking then. One at
   * a time, lest two evict for one. Throws as {@link makeFor}.
   */
  make(): Promise<number> {
    return this.#turns.run(() => this.#evict());
  }

  /**
   * What would be evicted now, for `more` than what is in flight.
   *
   * @throws {DistswarmError} `STORE_UNUSABLE` when the file system does not answer.
   */
  async plan(more: readonly ComingBlob[] = []): Promise<EvictionPlan> {
    return planEviction(await this.#state(more));
  }

  async #state(more: readonly ComingBlob[] = []): Promise<EvictionState> {
    const { records, blobs, distdir, inFlight, isKept } = this.#components;
    const { maxSize, minFree } = this.#limits;
    const free = await this.#freeBytes();
    const coming = [...inFlight.values(), ...more];
    let linked: ReadonlySet<Digest> | undefined; // looked for when something has to go
    return {
      blobs: records.candidates(),
      doubles: this.#doubles(),
      held: records.bytes + coming.reduce((sum, { size }) => sum + size, 0),
      free,
      outstanding: coming.reduce((sum, { size, received }) => sum + size - received, 0),
      maxSize,
      minFree,
      isPinned: (digest) =>
        blobs.isPinned(digest) || inFlight.has(digest) || more.some((blob) => blob.digest === digest),
      isProtected: (digest) => {
        linked ??= distdir?.protectedBlobs(Date.now()) ?? new Set();
        return isKept(digest) || linked.has(digest);
      },
    };
  }

  *#doubles(): IterableIterator<EvictionCandidate> {
    const { records, distdir } = this.#components;
    for (const digest of distdir?.digests() ?? []) {
      const double = records.candidate(digest);
      if (double !== undefined) yield double;
    }
  }

  async #evict(more?: readonly ComingBlob[]): Promise<number> {
    const state = await this.#state(more);
    const { victims, short } = planEviction(state);
    if (short === 0) {
      await this.#remove(victims);
      return 0;
    }
    const held = victims.reduce((sum, { size }) => sum - size, state.held);
    const isDiskFull = held <= state.maxSize;
    return isDiskFull && (await this.#dropLeftovers(short)) ? this.#evict(more) : short;
  }

  async #dropLeftovers(bytes: number): Promise<boolean> {
    return this.#components.leftovers.makeFree(bytes).catch(() => false); // then there is no room, whatever the reason
  }

  async #remove(victims: readonly Victim[]): Promise<void> {
    for (let at = 0; at < victims.length; at += REMOVALS_AT_ONCE) {
      await this.#removeSome(victims.slice(at, at + REMOVALS_AT_ONCE));
    }
  }

  /** Removes them but for those that are being read by now. */
  async #removeSome(victims: readonly Victim[]): Promise<void> {
    const { blobs } = this.#components;
    const unused = victims.filter(({ digest }) => !blobs.isPinned(digest));
    const removals = await Promise.all(unused.map(({ digest }) => blobs.remove(digest)));
    const stuck = unused[removals.indexOf("stuck")];
    if (stuck === undefined) return;
    const path = this.#dirs.paths.blob(stuck.digest);
    throw new DistswarmError("STORE_UNUSABLE", `cannot remove ${path} to make room; the log says why`, {
      facts: { path },
    });
  }

  /** Free bytes of the file system. A directory that somebody deleted is made anew: its parent may be on another one. */
  async #freeBytes(): Promise<number> {
    const { dir } = this.#dirs.paths;
    try {
      const free = freeBytes(dir);
      if (free !== undefined) return free;
      await this.#dirs.prepare();
      return freeBytes(dir) ?? 0;
    } catch (error) {
      throw writeFault(error, dir);
    }
  }
}

/** On the spot: the kernel knows it by heart. Undefined where there is no such directory; throws system errors. */
function freeBytes(dir: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
