/** The least that a source must bring: so many bytes in each so many milliseconds that one waits for it. */
export interface PaceLimit {
  readonly windowMs: number;
  readonly bytes: number;
}

/** A mirror that has begun to give brings at least so much, where others could. */
const TRICKLE: PaceLimit = { windowMs: 15_000, bytes: 64 * 1024 };
/** How long a mirror may take to begin is its own affair. */
const NO_LIMIT: PaceLimit = { windowMs: Infinity, bytes: 0 };

/** Bytes are counted over stretches of so many milliseconds in which they were waited for. */
const STRETCH_MS = 400;
/** The rate is that of the best of so many stretches. */
const RATED_STRETCHES = 4;
/** So many are remembered: the longest window is one of 15 s. */
const MAX_STRETCHES = 38;
const LOOK_EVERY_MS = 250;

/** Bytes that came, and how long they were waited for. */
interface Stretch {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * How fast bytes come while somebody waits for them, from the first ones on. Time in which the reader is busy with what it
 * got does not count.
 */
export class Pace {
  readonly #now: () => number;
  /** The oldest first. */
  #stretches: Stretch[] = [];
  #waitingSince: number | undefined;
  #silentSince: number | undefined;
  #hasBegun = false;
  #bytes = 0;
  #ms = 0;

  /** `now`: milliseconds since some moment. @default those of the system */
  constructor({ now = () => performance.now() } = {}) {
    this.#now = now;
  }

  /** Whether the first bytes came. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Somebody waits from now on. */
  waiting(): void {
    this.#waitingSince = this.#now();
    this.#silentSince = this.#waitingSince;
  }

  /** So many bytes came, and nobody waits. */
  got(bytes: number): void {
    this.#count();
    this.#hasBegun = true;
    this.#waitingSince = undefined;
    this.#silentSince = undefined;
    this.#bytes += bytes;
  }

  /**
   * Bytes a second, 0 when none came; undefined before they were waited for long enough. It is that of the best of the last
   * stretches: a box that was busy for a moment is not slow. To be looked at now and then.
   */
  get rate(): number | undefined {
    this.#count();
    const rated = this.#stretches.slice(-RATED_STRETCHES);
    if (rated.length < RATED_STRETCHES) return undefined;
    return Math.max(...rated.map(({ bytes, ms }) => (bytes * 1000) / ms));
  }

  /** Whether less has come than it must: silence for as long as a window is too long whenever it began. */
  isBelow({ windowMs, bytes: least }: PaceLimit): boolean {
    const now = this.#now();
    if (now - (this.#silentSince ?? now) >= windowMs) return true;
    this.#count();
    let [bytes, ms] = [0, 0];
    for (const stretch of this.#stretches.toReversed()) {
      bytes += stretch.bytes;
      ms += stretch.ms;
      if (ms >= windowMs) return bytes < least;
    }
    return false;
  }

  #count(): void {
    if (!this.#hasBegun) return;
    if (this.#waitingSince !== undefined) {
      const now = this.#now();
      this.#ms += now - this.#waitingSince;
      this.#waitingSince = now;
    }
    if (this.#ms < STRETCH_MS) return;
    this.#stretches = [...this.#stretches, { bytes: this.#bytes, ms: this.#ms }].slice(-MAX_STRETCHES);
    this.#bytes = 0;
    this.#ms = 0;
  }
}

/** Whom a watch tells. */
interface PaceWatch {
  /** The least that must come now; `hasBegun`: whether the first bytes came. */
  readonly limit: (hasBegun: boolean) => PaceLimit;
  /** Less came; told once. */
  readonly stalled: () => void;
  /** Told the rate now and then, as soon as it is known. */
  readonly paced?: ((bytesPerSecond: number) => void) | undefined;
}

/** The chunks as they come, each waited for under a watch. */
export async function* watched(
  chunks: AsyncIterable<Buffer>,
  { limit, stalled, paced }: PaceWatch,
): AsyncGenerator<Buffer> {
  const pace = new Pace();
  const timer = setInterval(() => {
    const { rate } = pace;
    if (rate !== undefined) paced?.(rate);
    if (!pace.isBelow(limit(pace.hasBegun))) return;
    clearInterval(timer);
    stalled();
  }, LOOK_EVERY_MS);
  try {
    pace.waiting();
    for await (const chunk of chunks) {
      pace.got(chunk.length);
      yield chunk;
      pace.waiting();
    }
  } finally {
    clearInterval(timer);
  }
}

/** The chunks as they come; `trickles` is told once when, after the first, hardly anything comes any more. */
export function watchedForTrickle(chunks: AsyncIterable<Buffer>, trickles: () => void): AsyncGenerator<Buffer> {
  return watched(chunks, { limit: (hasBegun) => (hasBegun ? TRICKLE : NO_LIMIT), stalled: trickles });
}
