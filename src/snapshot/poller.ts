import { hasCode, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Fetcher, StampedJudgement } from "./fetcher.ts";
import { newestDate, unitName } from "./name.ts";
import { electedFor } from "./policy.ts";
import type { Rumours } from "./rumours.ts";
import type { Shelf } from "./shelf.ts";

/** How often one box of the LAN looks for the new day's snapshot, in milliseconds. */
const INTERVAL_MS = 30 * 60_000;

/** What polling uses. */
interface PollerComponents {
  readonly shelf: Shelf;
  readonly rumours: Rumours;
  readonly fetcher: Fetcher;
  readonly judgement: (date: string) => Promise<StampedJudgement | undefined>;
  /** Ids of this box and of all peers with a session now. */
  readonly boxes: () => readonly string[];
  readonly log: Logger;
}

/**
 * Looks at upstream for the newest snapshot when it is this box's turn. Each interval elects anew among all boxes, so that
 * one that cannot, or does not poll, costs an interval and no more.
 */
export class Poller {
  readonly #components: PollerComponents;
  readonly #id: string;
  readonly #now: () => number;
  #interval: number;
  #looking: Promise<void> | undefined;
  /** What the log was told last of a look, and of one that brought nothing. */
  #told = { looking: "", outcome: "" };

  /** `id`: this box. The first look is in the next interval, when the peers have been found. */
  constructor(components: PollerComponents, init: { id: string; now: () => number }) {
    this.#components = components;
    this.#id = init.id;
    this.#now = init.now;
    this.#interval = this.#present();
  }

  /** To be called now and then; looks at most once an interval. At once while an earlier look goes on. Never throws. */
  async tick(): Promise<void> {
    const interval = this.#present();
    if (interval === this.#interval || this.#looking !== undefined) return;
    this.#interval = interval;
    const { shelf, rumours, boxes } = this.#components;
    const date = newestDate(this.#now());
    if (shelf.has(date) || rumours.isPromised(date)) return;
    if (electedFor(`${date} ${interval}`, boxes()) !== this.#id) return;
    this.#looking = this.#look(date).finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  /** Resolves when no look goes on; whoever stops ends the downloads before. */
  async stop(): Promise<void> {
    await this.#looking;
  }

  async #look(date: string): Promise<void> {
    const { fetcher, judgement } = this.#components;
    try {
      const judged = await judgement(date);
      if (judged === undefined) return;
      this.#tell("info", "looking", `looking for ${unitName(date)} for all boxes`);
      await fetcher.fromUpstream(judged).done;
    } catch (error) {
      if (hasCode(error, "NOT_FOUND")) this.#tell("info", "outcome", `${unitName(date)} is not out yet`);
      else this.#tell("warn", "outcome", `${unitName(date)}: ${messageOf(error)}`);
    }
  }

  /** A mirror may lack the day's snapshot for days: what every look comes to is said once. */
  #tell(level: "info" | "warn", what: "looking" | "outcome", line: string): void {
    this.#components.log[line === this.#told[what] ? "debug" : level](line);
    this.#told[what] = line;
  }

  #present(): number {
    return Math.floor(this.#now() / INTERVAL_MS);
  }
}
