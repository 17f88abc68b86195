import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, systemCode } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { SNAPSHOT_PARTS } from "../core/snapshots.ts";
import type { StampedJudgement } from "./fetcher.ts";
import { fileName, parseFileName, unitName } from "./name.ts";
import { SnapshotRefused } from "./refusal.ts";
import type { Shelf, ShelvedUnit } from "./shelf.ts";
import { verifyUnit, type UnitPaths } from "./verify.ts";

/** What adoption uses. */
interface AdoptionComponents {
  readonly shelf: Shelf;
  readonly judgement: (date: string) => Promise<StampedJudgement | undefined>;
  readonly log: Logger;
}

/** What came of files that are not kept. */
interface Looked {
  /** The files as they were then. */
  readonly stamp: string;
  /** They passed all checks. */
  unit?: ShelvedUnit | undefined;
  /** They fail a check for good. */
  isRefused: boolean;
}

/** Adopts, by copy, the units that `emerge-webrsync -k` leaves in DISTDIR. */
export class Adoption {
  readonly #components: AdoptionComponents;
  readonly #dir: string;
  /** By date: files are verified once, until they or the keyring change. One that finds no room is put again only. */
  readonly #looked = new Map<string, Looked>();

  constructor(components: AdoptionComponents, init: { dir: string }) {
    this.#components = components;
    this.#dir = init.dir;
  }

  /** Looks through the directory. Never throws. */
  async look(): Promise<void> {
    try {
      for (const date of completeDates(await readdir(this.#dir))) await this.#adopt(date);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") this.#components.log.debug(`${this.#dir}: ${messageOf(error)}`);
    }
  }

  /** The keyring changed: what was refused may be adopted now. */
  forgive(): void {
    this.#looked.clear();
  }

  async #adopt(date: string): Promise<void> {
    const { shelf, log } = this.#components;
    if (shelf.has(date) || !shelf.hasRoomFor(date)) return;
    const paths = this.#paths(date);
    const stamp = await stampOf(paths);
    const before = this.#looked.get(date);
    const isNew = before?.stamp !== stamp;
    const looked: Looked = isNew ? { stamp, isRefused: false } : before;
    if (looked.isRefused) return;
    try {
      looked.unit ??= await this.#verified(date, paths);
      if (looked.unit === undefined) return;
      await shelf.put(looked.unit, paths);
      this.#looked.delete(date);
      log.info(`${unitName(date)}: adopted from ${this.#dir}`);
    } catch (error) {
      looked.isRefused = error instanceof SnapshotRefused && error.isFinal;
      this.#looked.set(date, looked);
      log[isNew ? "info" : "debug"](`${paths.tarball} is not adopted: ${messageOf(error)}`);
    }
  }

  /** Undefined while there is no key to judge it by. */
  async #verified(date: string, paths: UnitPaths): Promise<ShelvedUnit | undefined> {
    const judged = await this.#components.judgement(date);
    return judged && { ...(await verifyUnit(paths, judged)), stamp: judged.stamp };
  }

  #paths(date: string): UnitPaths {
    const path = (part: keyof UnitPaths): string => join(this.#dir, fileName(date, part));
    return { tarball: path("tarball"), signature: path("signature"), md5sum: path("md5sum") };
  }
}

/** Tells changed files: their sizes and times of change. */
async function stampOf(paths: UnitPaths): Promise<string> {
  const stats = await Promise.all(SNAPSHOT_PARTS.map((part) => lstat(paths[part])));
  return stats.map(({ size, mtimeMs }) => `${size} ${mtimeMs}`).join();
}

/** The dates of which all three files are among `names`, newest first. */
function completeDates(names: readonly string[]): string[] {
  const present = new Set(names);
  const dates = new Set(names.flatMap((name) => parseFileName(name)?.date ?? []));
  const complete = [...dates].filter((date) => SNAPSHOT_PARTS.every((part) => present.has(fileName(date, part))));
  return complete.sort().toReversed();
}
