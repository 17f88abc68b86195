import { rm } from "node:fs/promises";
import { type Digest, isDigest } from "../core/digest.ts";
import { readFault } from "./disk.ts";
import { entries, statOf } from "./inventory.ts";
import type { StorePaths } from "./layout.ts";
import type { Locks } from "./locks.ts";

/** How long the bytes of a broken retrieval wait to be resumed, in milliseconds: 7 days. */
const KEEP_MS = 7 * 24 * 3_600_000;

/** The bytes of a broken retrieval in `partial/`, which the next one of the same blob will resume. */
interface Leftover {
  readonly digest: Digest;
  readonly path: string;
  readonly size: number;
  /** When it was last written, milliseconds since 1970. */
  readonly modified: number;
}

/** What lies in `partial/` and belongs to no ingest. */
export class Leftovers {
  readonly #ingesting: Locks<Digest>;
  readonly #paths: StorePaths;

  /** @param components.ingesting who holds the lock of a digest has its partial. */
  constructor(components: { readonly ingesting: Locks<Digest> }, init: { readonly paths: StorePaths }) {
    this.#ingesting = components.ingesting;
    this.#paths = init.paths;
  }

  /**
   * All of them, the one written longest ago first.
   *
   * @throws {DistswarmError} `STORE_UNUSABLE` when `partial/` cannot be looked through.
   */
  async all(): Promise<Leftover[]> {
    try {
      const names = (await entries(this.#paths.partials)).map(({ name }) => name);
      const found = await Promise.all(names.filter(isDigest).map((digest) => this.#look(digest)));
      return found.flat().sort((a, b) => a.modified - b.modified);
    } catch (error) {
      throw readFault(error, this.#paths.partials);
    }
  }

  /** Those that nobody came back for within 7 days before `now`. Throws as {@link all}. */
  async stale(now: number): Promise<Leftover[]> {
    return (await this.all()).filter(({ modified }) => modified < now - KEEP_MS);
  }

  /** Removes one; false when an ingest has taken it up meanwhile. Throws system errors. */
  async remove({ digest, path }: Leftover): Promise<boolean> {
    if (this.#ingesting.isTaken(digest)) return false;
    const release = await this.#ingesting.take(digest); // lest an ingest begins with it while it goes
    try {
      await rm(path, { force: true });
      return true;
    } finally {
      release();
    }
  }

  /**
   * Removes as many as have `bytes` in all, oldest first, where there are so many; else none. One that cannot be removed is
   * passed over. False when nothing came free.
   */
  async makeFree(bytes: number): Promise<boolean> {
    const all = await this.all();
    if (all.reduce((sum, { size }) => sum + size, 0) < bytes) return false;
    let freed = 0;
    for (const leftover of all) {
      if (freed < bytes && (await this.remove(leftover).catch(() => false))) freed += leftover.size;
    }
    return freed > 0;
  }

  async #look(digest: Digest): Promise<Leftover[]> {
    const path = this.#paths.partial(digest);
    const stat = await statOf(path);
    if (stat === undefined || this.#ingesting.isTaken(digest)) return [];
    return [{ digest, path, size: stat.size, modified: stat.mtimeMs }];
  }
}
