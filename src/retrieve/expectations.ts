import type { SourceKind } from "../core/source.ts";

/**
 * What is expected at least, in bytes a second, of either kind: what the slowest LANs with a cable give, and common lines.
 * Where that is too much a race is lost, which is cheap, and makes the next one wait.
 */
const AT_LEAST = 8 * 2 ** 20;
/** Of upstream beside a growing copy, which comes over the same line: a race that is won by chance is a second download. */
const AT_LEAST_OF_SAME = 2 ** 20;
/** Of smaller transfers, in bytes, latency is most. */
const MIN_RATED_BYTES = 256 * 1024;
/** What was once given counts half after so long, in ms: lines change. */
const HALF_LIFE_MS = 600_000;
/** After a race that was lost nothing is expected for so long, in ms; twice as long after each further one. */
const LOST_MS = 15_000;
const LOST_AT_MOST_MS = 240_000;

/** What is known of one kind of source. */
interface Known {
  /** Bytes a second, and when that was. */
  rate: number;
  at: number;
  /** Races lost in a row, and until when no other is begun. */
  lost: number;
  lostUntil: number;
}

const nothing = (): Known => ({ rate: 0, at: 0, lost: 0, lostUntil: 0 });

/**
 * What another source of each kind may be expected to give: the best of late, until a race against it turned out to be in
 * vain. So where all are slow, what races cost is bounded over all flights of this box.
 */
export class Expectations {
  readonly #known: Readonly<Record<SourceKind, Known>> = { peer: nothing(), upstream: nothing() };
  readonly #now: () => number;

  /** `now`: milliseconds since some moment. @default those of the system */
  constructor({ now = () => performance.now() } = {}) {
    this.#now = now;
  }

  /**
   * Bytes a second that a source of this kind may be expected to give, beside one that is growing or whole; 0 when no race
   * is to be begun with it now.
   */
  of(kind: SourceKind, { isGrowing }: { readonly isGrowing: boolean }): number {
    if (this.#now() < this.#known[kind].lostUntil) return 0;
    const isSameLine = kind === "upstream" && isGrowing;
    return Math.max(isSameLine ? AT_LEAST_OF_SAME : AT_LEAST, this.#rate(kind));
  }

  /** A source of this kind gave so many bytes in so many milliseconds, all that it took to get them. */
  gave(kind: SourceKind, { bytes, ms }: { readonly bytes: number; readonly ms: number }): void {
    const rate = (1000 * bytes) / Math.max(ms, 1);
    if (bytes < MIN_RATED_BYTES || rate < this.#rate(kind)) return;
    Object.assign(this.#known[kind], { rate, at: this.#now() });
  }

  /** A race with sources of this kind is over. Of those that were run at the same time, the first that is lost counts. */
  raced(kind: SourceKind, { isWon }: { readonly isWon: boolean }): void {
    const known = this.#known[kind];
    if (isWon) known.lost = 0;
    else if (this.#now() >= known.lostUntil) {
      known.lostUntil = this.#now() + Math.min(LOST_MS * 2 ** known.lost, LOST_AT_MOST_MS);
      known.lost += 1;
    }
  }

  #rate(kind: SourceKind): number {
    const { rate, at } = this.#known[kind];
    return rate * 2 ** ((at - this.#now()) / HALF_LIFE_MS);
  }
}
