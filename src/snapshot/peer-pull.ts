import { setTimeout as delay } from "node:timers/promises";
import { DistswarmError, hasCode } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { LinkedAbort } from "../core/async/linked-abort.ts";
import { abortable } from "../core/async/pulse.ts";
import type { SourceFinder } from "../core/source.ts";
import { identityOf, type DatedAnnouncement } from "./announcement.ts";
import type { Throttle } from "./throttle.ts";
import { downloadFromPeers } from "./peer-download.ts";
import { SnapshotRefused } from "./refusal.ts";
import type { Rumours } from "./rumours.ts";
import type { Shelf, ShelfStore } from "./shelf.ts";
import type { Staging } from "./staging.ts";
import type { Transfers } from "./transfers.ts";
import {
  judgeSideFiles,
  readSideFiles,
  verifyUnit,
  type Judgement,
  type UnitPaths,
  type VerifiedUnit,
} from "./verify.ts";

/**
 * How long a pull may take before upstream is the better choice for who waits, and how long it goes on with peers that are
 * busy, in milliseconds. Six boxes are given 50 MB one after the other over 100 Mbit/s in 24 s.
 */
const PATIENCE_MS = 60_000;
/**
 * A unit may take so long, beside what this box holds it back itself; then the next one is tried. A later try goes on from
 * the bytes that are here. A tarball that takes an honest box longer comes at under 100 KB/s.
 */
const TRY_AT_MOST_MS = 10 * 60_000;
/** The most that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Busy peers are asked again after so long. */
const BUSY_PAUSE_MS = 250;

/** What a pull uses. */
interface PeerPullComponents {
  readonly store: Pick<ShelfStore, "makeRoom">;
  readonly shelf: Shelf;
  readonly rumours: Rumours;
  readonly staging: Staging;
  /** Finds peers that hold a blob. */
  readonly peers: SourceFinder;
  readonly transfers: Transfers;
  readonly log: Logger;
  /** Told of a unit that could not be pulled, and will be tried again. */
  readonly failed: (unit: string, error: unknown) => void;
  /** Puts a verified unit on the shelf. */
  readonly shelve: (unit: VerifiedUnit, paths: UnitPaths) => Promise<void>;
}

/** What a pull is about. */
interface PeerPullInit {
  readonly judgement: Judgement;
  /** Nobody waits for it: it is held back. */
  readonly throttle: Throttle | undefined;
  readonly signal: AbortSignal;
}

/** Tries all that the peers announce of one date until one of it is on the shelf. */
export class PeerPull {
  /** Whether the unit is on the shelf in the end. */
  readonly done: Promise<boolean>;
  readonly #components: PeerPullComponents;
  readonly #init: PeerPullInit;
  readonly #began = performance.now();
  /** When the first one began to wait; what was held back before that is nobody's fault. */
  #awaited: number | undefined;

  /** Begins at once. */
  constructor(components: PeerPullComponents, init: PeerPullInit) {
    this.#components = components;
    this.#init = init;
    this.done = this.#run();
    this.done.catch(() => {}); // told to who waits for it
  }

  /**
   * Somebody waits: from now on nothing holds it back. Whether the unit is on the shelf when it has ended, or when
   * `patienceMs` have passed since the first one waited: it goes on then.
   */
  async wait({ signal, patienceMs = PATIENCE_MS }: { signal: AbortSignal; patienceMs?: number }): Promise<boolean> {
    this.#init.throttle?.hurry();
    const ended = new LinkedAbort([signal]);
    this.#awaited ??= performance.now();
    const left = Math.max(0, this.#awaited + patienceMs - performance.now());
    try {
      return await Promise.race([abortable(this.done, ended.signal), delay(left, false, { signal: ended.signal })]);
    } finally {
      ended.unlink();
      ended.abort(new Error("nobody waits any more"));
    }
  }

  /** Each candidate is tried once, and again while it is busy: none of them holds up another. */
  async #run(): Promise<boolean> {
    const { shelf, rumours } = this.#components;
    const { judgement, signal } = this.#init;
    const tried = new Set<string>();
    for (;;) {
      const untried = rumours.candidates(judgement.date).filter((one) => !tried.has(identityOf(one)));
      const busy: DatedAnnouncement[] = [];
      for (const candidate of untried) {
        if (shelf.has(judgement.date)) return true;
        if (await this.#isBusy(candidate)) busy.push(candidate);
        else tried.add(identityOf(candidate));
      }
      if (shelf.has(judgement.date) || busy.length === 0) return shelf.has(judgement.date);
      if (performance.now() - this.#began > PATIENCE_MS) return this.#giveUp(busy);
      await delay(BUSY_PAUSE_MS, undefined, { signal });
    }
  }

  #giveUp(busy: readonly DatedAnnouncement[]): false {
    for (const candidate of busy) this.#components.rumours.failed(candidate);
    return false;
  }

  /** Tries a candidate. Whether those who have it are busy, so that it may be had later. */
  async #isBusy(candidate: DatedAnnouncement): Promise<boolean> {
    const { staging, rumours } = this.#components;
    const paths = staging.byDigest(this.#init.judgement.date, candidate);
    const limit = new LinkedAbort([this.#init.signal]);
    const ms = TRY_AT_MOST_MS + (this.#init.throttle?.msFor(candidate.files.tarball.size) ?? 0);
    const timer = setTimeout(() => limit.abort(tooSlow(candidate)), Math.min(ms, MAX_TIMER_MS));
    try {
      await staging.use(paths, () => this.#take(candidate, paths, limit.signal));
      rumours.kept(candidate);
    } catch (error) {
      this.#init.signal.throwIfAborted();
      if (hasCode(error, "BUSY")) return true;
      this.#note(error, candidate);
      if (error instanceof SnapshotRefused) await staging.drop(paths);
    } finally {
      clearTimeout(timer);
      limit.unlink();
    }
    return false;
  }

  /** The small files are judged before the tarball is asked for, and before room is made for it. */
  async #take(candidate: DatedAnnouncement, paths: UnitPaths, signal: AbortSignal): Promise<void> {
    const { store, staging, shelve } = this.#components;
    const { judgement, throttle } = this.#init;
    const components = { ...this.#components, throttle, signal };
    await downloadFromPeers(candidate, { parts: ["md5sum", "signature"], paths }, components);
    await judgeSideFiles(await readSideFiles(paths, judgement.date), judgement);
    await store.makeRoom(candidate.files.tarball.size);
    await staging.begin(judgement.date, paths);
    await downloadFromPeers(candidate, { parts: ["tarball"], paths }, components);
    await shelve(await verifyUnit(paths, judgement), paths);
  }

  /** What this box itself lacks, room or the right time, speaks against no peer. */
  #note(error: unknown, candidate: DatedAnnouncement): void {
    const { rumours, log, failed } = this.#components;
    if (!(error instanceof SnapshotRefused)) {
      if (hasCode(error, "NO_SOURCE")) rumours.failed(candidate);
      return failed(candidate.name, error);
    }
    const peers = rumours.peersWith(candidate);
    log.warn({ check: error.check, peers }, `refused from peers (${error.check}): ${error.message}`);
    if (error.isFinal) rumours.refuse(candidate);
  }
}

function tooSlow({ name }: DatedAnnouncement): DistswarmError {
  return new DistswarmError(
    "NO_SOURCE",
    `the peers that announce ${name} give it too slowly; others are asked first now`,
  );
}
