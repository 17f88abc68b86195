import type { BlobClaims } from "../core/claim/claims.ts";
import { DistswarmError, messageOf, systemCode } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { abortable } from "../core/async/pulse.ts";
import type { SourceFinder } from "../core/source.ts";
import { formatSize } from "../core/text/units.ts";
import { unitName } from "./name.ts";
import type { Throttle } from "./throttle.ts";
import { PeerPull } from "./peer-pull.ts";
import type { Rumours } from "./rumours.ts";
import type { Shelf, ShelfStore } from "./shelf.ts";
import type { Staging } from "./staging.ts";
import { Transfers } from "./transfers.ts";
import { UpstreamTask, type SnapshotUpstream } from "./upstream-task.ts";
import type { Judgement, UnitPaths, VerifiedUnit } from "./verify.ts";

/** By what units are judged now, and the name of that keyring's content. */
export interface StampedJudgement extends Judgement {
  readonly stamp: string;
}

/** What fetching uses. */
interface FetcherComponents {
  readonly store: Pick<ShelfStore, "makeRoom">;
  readonly shelf: Shelf;
  readonly rumours: Rumours;
  readonly staging: Staging;
  /** Finds peers that hold a blob. */
  readonly peers: SourceFinder;
  readonly upstream: SnapshotUpstream;
  /** One upstream download on the LAN; without it, each box for itself. */
  readonly claims?: BlobClaims | undefined;
  readonly log: Logger;
}

/** What may be set. */
interface FetcherInit {
  /** Tarballs from upstream up to this size, in bytes, wait for their verification before a client gets a byte. */
  readonly verifyFirst: number;
}

/** Whether somebody waits for a pull, and how long. */
interface PullOptions {
  readonly signal: AbortSignal;
  /** Nobody waits for it: it is held back. */
  readonly throttle?: Throttle;
  /** Milliseconds since the first one waited after which the waiting is over; the pull goes on. @default 60 s */
  readonly patienceMs?: number;
}

/** Gets units onto the shelf: for each date one pull from peers and one download from upstream at a time. */
export class Fetcher {
  /** What is on its way here. */
  readonly transfers = new Transfers();
  readonly #components: FetcherComponents;
  readonly #init: FetcherInit;
  readonly #pulls = new Map<string, PeerPull>();
  readonly #tasks = new Map<string, UpstreamTask>();
  readonly #stopping = new AbortController();
  /** Which unit could not be pulled last, and the code of its error. */
  #fault: string | undefined;

  constructor(components: FetcherComponents, init: FetcherInit) {
    this.#components = components;
    this.#init = init;
  }

  /** Ends all that is under way; what is staged is resumed by the next run. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DistswarmError("NO_SOURCE", "the agent is stopping"));
    const pulls = [...this.#pulls.values()].map(({ done }) => done);
    const tasks = [...this.#tasks.values()].map(({ done }) => done);
    await Promise.allSettled([...pulls, ...tasks]);
  }

  /**
   * Whether the unit is on the shelf after all that the peers announce of its date was tried, or as far as that got
   * within the patience. With a throttle nobody waits for it; a caller without one makes a pull under way hurry.
   */
  async fromPeers(judgement: StampedJudgement, options: PullOptions): Promise<boolean> {
    const { date } = judgement;
    const pull = this.#pulls.get(date) ?? this.#startPull(judgement, options.throttle);
    return options.throttle === undefined ? pull.wait(options) : abortable(pull.done, options.signal);
  }

  /** Whether a pull of that date that is under way gets the unit onto the shelf; false at once where there is none. */
  async pulled(date: string, options: { signal: AbortSignal }): Promise<boolean> {
    const pull = this.#pulls.get(date);
    return pull !== undefined && pull.wait(options);
  }

  /** The download of a unit from upstream, begun if it is not under way. */
  fromUpstream(judgement: StampedJudgement): UpstreamTask {
    const { date } = judgement;
    const task = this.#tasks.get(date) ?? this.#startTask(judgement);
    this.#tasks.set(date, task);
    return task;
  }

  #startPull(judgement: StampedJudgement, throttle: Throttle | undefined): PeerPull {
    const { date, stamp } = judgement;
    const shelve = (unit: VerifiedUnit, paths: UnitPaths): Promise<void> =>
      this.#shelve(unit, { paths, stamp, from: "peers" });
    const failed = (unit: string, error: unknown): void => this.#complain(unit, error);
    const components = { ...this.#components, transfers: this.transfers, shelve, failed };
    const pull = new PeerPull(components, { judgement, throttle, signal: this.#stopping.signal });
    this.#pulls.set(date, pull);
    const ended = (): void => void this.#pulls.delete(date);
    pull.done.then(ended, ended);
    return pull;
  }

  /** Each box that announces a unit begins a pull, and so does each minute: what is wrong all the while is said once. */
  #complain(unit: string, error: unknown): void {
    const fault = `${unit} ${systemCode(error)}`;
    const level = fault === this.#fault ? "debug" : "warn";
    this.#fault = fault;
    this.#components.log[level](`${unit} from peers: ${messageOf(error)}; it is tried again`);
  }

  #startTask(judgement: StampedJudgement): UpstreamTask {
    const { date, stamp } = judgement;
    const { rumours, staging } = this.#components;
    const { signal } = this.#stopping;
    const paths = staging.byName(date);
    const task = new UpstreamTask(
      {
        ...this.#components,
        announced: (signal) => rumours.announced(date, signal),
        pullFromPeers: () => this.fromPeers(judgement, { signal }),
        shelve: (unit) => this.#shelve(unit, { paths, stamp, from: "upstream" }),
      },
      { judgement, paths, transfers: this.transfers, signal, verifyFirst: this.#init.verifyFirst },
    );
    const ended = (): void => void this.#tasks.delete(date);
    task.done.then(ended, ended);
    void staging.use(paths, () => task.done).catch(() => {}); // told to who waits for the task
    return task;
  }

  async #shelve(unit: VerifiedUnit, facts: { paths: UnitPaths; stamp: string; from: string }): Promise<void> {
    const { shelf, staging, log } = this.#components;
    await shelf.put({ ...unit, stamp: facts.stamp }, facts.paths);
    await staging.drop(facts.paths);
    if (!shelf.has(unit.date)) return; // a newer one took its place meanwhile
    const size = formatSize(unit.files.tarball.size);
    log.info(`${unitName(unit.date)} (${size}) came from ${facts.from}, signed by ${unit.signedBy}: verified and kept`);
  }
}
