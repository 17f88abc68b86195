import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Fetcher, StampedJudgement } from "./fetcher.ts";
import { Throttle } from "./throttle.ts";
import { dateToPull } from "./policy.ts";
import type { Rumours } from "./rumours.ts";
import type { Shelf } from "./shelf.ts";

/** What replication uses. */
interface ReplicatorComponents {
  readonly shelf: Shelf;
  readonly rumours: Rumours;
  readonly fetcher: Fetcher;
  readonly judgement: (date: string) => Promise<StampedJudgement | undefined>;
  readonly log: Logger;
}

/** Pulls the newest announced unit in the background, at a bounded rate, one at a time. */
export class Replicator {
  readonly #components: ReplicatorComponents;
  readonly #rate: number;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  /** `rate` in bytes a second. */
  constructor(components: ReplicatorComponents, init: { rate: number }) {
    this.#components = components;
    this.#rate = init.rate;
  }

  /** Something was announced, or time has passed: looks whether there is something to pull. */
  kick(): void {
    if (this.#stopping.signal.aborted) return;
    this.#running ??= this.#run()
      .catch((error: unknown) => this.#components.log.debug(`no snapshot pulled: ${messageOf(error)}`))
      .finally(() => (this.#running = undefined));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Each date once: one that nobody can give must not stand before the next best. A failed pull waits for a kick. */
  async #run(): Promise<void> {
    const { shelf, rumours, fetcher, judgement } = this.#components;
    const { signal } = this.#stopping;
    const tried = new Set<string>();
    for (;;) {
      const held = shelf.units().map(({ date }) => date);
      const date = dateToPull(rumours.dates(), held, tried);
      const judged = date === undefined ? undefined : await judgement(date);
      if (date === undefined || judged === undefined) return;
      tried.add(date);
      await fetcher.fromPeers(judged, { signal, throttle: new Throttle(this.#rate) });
    }
  }
}
