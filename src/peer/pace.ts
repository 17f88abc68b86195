/** The least that a source must bring: so many bytes in each so many milliseconds that one waits for it. */
export interface PaceLimit {
  readonly windowMs: number;
  readonly bytes: number;
}

const LOOK_EVERY_MS = 250;

/**
 * Watches how fast bytes come while somebody waits for them: one byte a second is no better than none, and silence for as
 * long as a window is too long whenever it began. Time in which the reader is busy with what it got does not count.
 */
export class PaceWatch {
  readonly #onStall: () => void;
  readonly #timer: NodeJS.Timeout;
  #limit: PaceLimit;
  #waitingSince: number | undefined;
  #silentSince: number | undefined;
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
    this.#silentSince = this.#waitingSince;
  }

  /** So many bytes came, and nobody waits. */
  got(bytes: number): void {
    this.#waitedMs += since(this.#waitingSince);
    this.#waitingSince = undefined;
    this.#silentSince = undefined;
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
    const isWindowOver = this.#waitedMs + since(this.#waitingSince) >= this.#limit.windowMs;
    const isTooSlow = isWindowOver && this.#bytes < this.#limit.bytes;
    if (isTooSlow || since(this.#silentSince) >= this.#limit.windowMs) {
      this.stop();
      this.#onStall();
    }
    if (isWindowOver) this.#begin();
  }

  #begin(): void {
    this.#waitedMs = 0;
    this.#bytes = 0;
    if (this.#waitingSince !== undefined) this.#waitingSince = performance.now();
  }
}

function since(began: number | undefined): number {
  return began === undefined ? 0 : performance.now() - began;
}
