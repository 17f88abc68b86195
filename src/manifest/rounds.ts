/** Milliseconds from the first hint to the round it asks for: a sync gives many at once. */
const HINT_DELAY = 500;

/** Hinted rounds keep a pause of so many times the cost of the last one, so that a long sync costs a tenth of a core. */
const HINT_REST = 10;

/** Milliseconds between rounds that nothing asked for, at least and at most. */
const MIN_INTERVAL = 5_000;
const MAX_INTERVAL = 600_000;

/** Such rounds keep a pause of so many times the cost of the last one, so that they cost 1/400 of a core. */
const INTERVAL_REST = 400;

/** What one round found and cost. */
export interface Round {
  readonly changed: boolean;
  /** Milliseconds of looking for changes. */
  readonly costMs: number;
}

/** Does one thing again and again, never twice at once: on demand, soon after a hint, and now and then by itself. */
export class Rounds {
  readonly #run: () => Promise<Round>;
  #running: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #costMs = 0;
  #hinted = false;
  #stopped = false;

  /** `run` does one round and never rejects. */
  constructor(run: () => Promise<Round>) {
    this.#run = run;
  }

  /**
   * A round that begins after this call; callers share it. One under way is waited for first, as it may have passed by
   * what changed since.
   *
   * @returns whether either changed anything.
   */
  async now(): Promise<boolean> {
    if (this.#stopped) return false;
    if (this.#running === undefined && this.#next === undefined) return this.#begin();
    const earlier = this.#running;
    this.#next ??= earlier!.then(() => this.#begin());
    const changed = await Promise.all([earlier, this.#next]);
    return changed.includes(true);
  }

  /** Asks for a round soon. */
  hint(): void {
    if (this.#hinted) return;
    this.#hinted = true;
    if (this.#running === undefined) this.#schedule();
  }

  /** No more rounds; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#running, this.#next]);
  }

  async #begin(): Promise<boolean> {
    this.#next = undefined;
    if (this.#stopped) return false;
    this.#running = this.#round();
    return this.#running;
  }

  async #round(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#hinted = false;
    const { changed, costMs } = await this.#run();
    this.#costMs = costMs;
    this.#running = undefined;
    this.#schedule();
    return changed;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const rest = this.#hinted
      ? Math.max(HINT_DELAY, HINT_REST * this.#costMs)
      : Math.min(Math.max(MIN_INTERVAL, INTERVAL_REST * this.#costMs), MAX_INTERVAL);
    this.#timer = setTimeout(() => void this.now(), rest);
  }
}
