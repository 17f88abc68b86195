import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, systemCode } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { SNAPSHOT_PARTS } from "../core/snapshots.ts";
import type { StampedJudgement } from "./fetcher.ts";
import { fileName, parseFileName, unitName } from "./name.ts";
import { SnapshotRefused } from "./refusal.ts";
import type { Shelf } from "./shelf.ts";
import { verifyUnit, type UnitPaths } from "./verify.ts";

/** What adoption uses. */
interface AdoptionComponents {
  readonly shelf: Shelf;
  readonly judgement: (date: string) => Promise<StampedJudgement | undefined>;
  readonly log: Logger;
}

/** Adopts, by copy, the units that `emerge-webrsync -k` leaves in DISTDIR. */
export class Adoption {
  readonly #components: AdoptionComponents;
  readonly #dir: string;
  /** Units that were refused, by date, as their files were then: not looked at again until they change. */
  readonly #refused = new Map<string, string>();

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
    this.#refused.clear();
  }

  async #adopt(date: string): Promise<void> {
    const { shelf, judgement, log } = this.#components;
    if (shelf.has(date) || !shelf.hasRoomFor(date)) return;
    const paths = this.#paths(date);
    const seen = await stampOf(paths);
    const judged = this.#refused.get(date) === seen ? undefined : await judgement(date);
    if (judged === undefined) return;
    try {
      await shelf.put({ ...(await verifyUnit(paths, judged)), stamp: judged.stamp }, paths);
      log.info(`${unitName(date)}: adopted from ${this.#dir}`);
    } catch (error) {
      const isRefused = error instanceof SnapshotRefused;
      if (isRefused) this.#refused.set(date, seen); // else, there may be room for it at the next look
      log[isRefused ? "info" : "debug"](`${paths.tarball} is not adopted: ${messageOf(error)}`);
    }
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
