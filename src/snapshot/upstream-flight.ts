import { rm, writeFile } from "node:fs/promises";
import type { Logger } from "../core/logger.ts";
import { abortable, Pulse } from "../core/async/pulse.ts";
import type { PassingBody } from "../core/snapshots.ts";
import { StagedCopy } from "./staged-copy.ts";
import { MirrorDownload, type FillOptions, type MirrorDownloadComponents } from "./mirror-download.ts";
import { fileName, subjectOf } from "./name.ts";
import { SnapshotRefused } from "./refusal.ts";
import type { ShelfStore } from "./shelf.ts";
import type { Transfers } from "./transfers.ts";
import { judgeSideFiles, verifyUnit, type Judgement, type UnitPaths, type VerifiedUnit } from "./verify.ts";

/** Refusals after which no other mirror is tried. */
const MAX_REFUSALS = 5;

/** What an upstream flight uses. */
export interface UpstreamFlightComponents extends MirrorDownloadComponents {
  readonly store: Pick<ShelfStore, "makeRoom">;
  /** Told how many bytes of the tarball are here, each time it grew. */
  readonly grew: (received: number) => void;
}

/** What an upstream flight is about. */
export interface UpstreamFlightInit {
  readonly judgement: Judgement;
  readonly paths: UnitPaths;
  readonly transfers: Transfers;
  readonly signal: AbortSignal;
  /** Tarballs up to this size wait for their verification before a client gets a byte. */
  readonly verifyFirst: number;
}

/**
 * One download of a unit from the mirrors: the small files first, so that no tarball is fetched in vain; then the
 * tarball, which clients may be passed while it is staged; then all checks. A wrong copy is dropped and the next mirror
 * asked.
 */
export class UpstreamFlight {
  readonly #log: Logger;
  readonly #fillOptions: FillOptions;
  readonly #mirrors: MirrorDownload;
  readonly #init: UpstreamFlightInit;
  readonly #changed = new Pulse();
  #copy: StagedCopy | undefined;
  #running: Promise<VerifiedUnit> | undefined;
  #refusal: SnapshotRefused | undefined;
  #refusals = 0;
  #ended = false;

  constructor(components: UpstreamFlightComponents, init: UpstreamFlightInit) {
    this.#log = components.log;
    this.#fillOptions = { makeRoom: (size) => components.store.makeRoom(size), grew: components.grew };
    this.#mirrors = new MirrorDownload(components, { date: init.judgement.date, signal: init.signal });
    this.#init = init;
  }

  /**
   * Downloads and verifies; the files lie at their paths then, whose directory is there. A download that broke off
   * stays there to be resumed.
   *
   * @throws {SnapshotRefused} the last check that failed, when no mirror had a right copy; {DistswarmError} `NOT_FOUND`,
   * `NO_SOURCE`; {SourceError} what broke it off; `STORE_FULL` before any byte of a tarball that finds no room.
   */
  run(): Promise<VerifiedUnit> {
    this.#running ??= this.#run().finally(() => {
      this.#ended = true;
      this.#changed.fire();
    });
    return this.#running;
  }

  /**
   * The tarball as it passes, as soon as its length is known, if it is too large to wait for its verification and began
   * here: what another box or an earlier run gave of it waits. Undefined when the flight has ended well without that.
   * Throws as {@link run}.
   */
  async passing(signal: AbortSignal): Promise<PassingBody | undefined> {
    const running = this.run();
    while (!this.#ended) {
      const copy = this.#copy;
      if (copy?.size !== undefined && copy.size > this.#init.verifyFirst && !copy.isResumed) return copy.body();
      await this.#changed.wait(signal);
    }
    await abortable(running, signal);
    return undefined;
  }

  async #run(): Promise<VerifiedUnit> {
    for (;;) {
      const unit = await this.#unit(await this.#sideFiles());
      if (unit !== undefined) return unit;
      await rm(this.#init.paths.tarball, { force: true }); // who reads it keeps it, and gets it as it came
    }
  }

  /** Stages two small files that are fit for a tarball; resolves with the URLs that gave them. */
  async #sideFiles(): Promise<string[]> {
    const { judgement, paths } = this.#init;
    for (;;) {
      const urls: string[] = [];
      try {
        const [md5sum, signature] = await Promise.all([
          this.#mirrors.small("md5sum"),
          this.#mirrors.small("signature"),
        ]);
        urls.push(md5sum.url, signature.url);
        await judgeSideFiles({ md5sum: md5sum.bytes, signature: signature.bytes }, judgement);
        await writeFile(paths.md5sum, md5sum.bytes);
        await writeFile(paths.signature, signature.bytes);
        return urls;
      } catch (error) {
        this.#goOn(error, urls);
      }
    }
  }

  /** Downloads the tarball and verifies the unit; undefined when it was refused and another copy is worth a try. */
  async #unit(sideUrls: readonly string[]): Promise<VerifiedUnit | undefined> {
    const copy = await StagedCopy.open(this.#init.paths.tarball, this.#changed);
    this.#copy = copy;
    let urls: string[] = [];
    const { transfers, judgement, paths } = this.#init;
    const { date } = judgement;
    const what = { name: fileName(date, "tarball"), kind: "upstream", subject: subjectOf(date) } as const;
    try {
      return await transfers.during(copy, what, async () => {
        urls = await this.#mirrors.fill(copy, this.#fillOptions);
        return verifyUnit(paths, judgement);
      });
    } catch (error) {
      copy.fail(error);
      const isOfOne = urls.length === 1 && !copy.isResumed; // pieces of several prove nothing against any of them
      this.#goOn(error, isAboutMd5sum(error) ? sideUrls : isOfOne ? urls : []);
      return undefined;
    } finally {
      this.#copy = undefined;
      await copy.close();
    }
  }

  /** Notes a refusal and whom to avoid for it; throws when there is nothing left to try. */
  #goOn(error: unknown, urls: readonly string[]): void {
    if (!(error instanceof SnapshotRefused)) throw this.#refusal ?? error;
    this.#log.warn({ check: error.check, urls }, `refused (${error.check}): ${error.message}`);
    for (const url of urls) this.#mirrors.avoid(url);
    this.#refusal = error;
    this.#refusals += 1;
    if (this.#refusals === MAX_REFUSALS) throw error;
  }
}

/** The tarball is right where the signature is, so the md5sum file is wrong. */
function isAboutMd5sum(error: unknown): boolean {
  return error instanceof SnapshotRefused && error.check === "WRONG_MD5";
}
