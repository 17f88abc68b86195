/** The least that a source must bring: so many bytes in each so many milliseconds that one waits for it. */
export interface PaceLimit {
  readonly windowMs: number;
  readonly bytes: number;
}

const LOOK_EVERY_MS = 250;

/**
 * Watches how fast bytes come while somebody waits for them: one byte a second is no better than none. Time in which the
 * reader is busy with what it got does not count.
 */
export class PaceWatch {
  readonly #onStall: () => void;
  readonly #timer: NodeJS.Timeout;
  #limit: PaceLimit;
  #waitingSince: number | undefined;
  #waitedMs = 0;
  #bytes = 0;

  /** `onStall` is called once the pace is too low. */
  constructor(limit: PaceLimit, onStall: () => void) {
    this.#limit = limit;
    this.#onStall = onStall;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Somebody waits from now on. */
  waiting(): void {
    this.#waitingSince = performance.now();
  }

  /** So many bytes came, and nobody waits. */
  got(bytes: number): void {
    this.#waitedMs += this.#sinceWaiting();
    this.#waitingSince = undefined;
    this.#bytes += bytes;
  }

  /** Another limit holds from now on. */
  changeLimit(limit: PaceLimit): void {
    if (limit === this.#limit) return;
    this.#limit = limit;
    this.#begin();
  }

  /** Ends the watch. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#waitedMs + this.#sinceWaiting() < this.#limit.windowMs) return;
    if (this.#bytes < this.#limit.bytes) {
      this.stop();
      this.#onStall();
    }
    this.#begin();
  }

  #begin(): void {
    this.#waitedMs = 0;
    this.#bytes = 0;
    if (this.#waitingSince !== undefined) this.#waitingSince = performance.now();
  }

  #sinceWaiting(): number {
    return this.#waitingSince === undefined ? 0 : performance.now() - this.#waitingSince;
  }
}
