import { BoundedMap } from "../data/bounded-map.ts";

/** The same one is spoken of so often: a box that was set up wrongly comes each minute, for months. */
const SAME_EVERY_MS = 3_600_000;
/** Of whom it is known that they were spoken of, the latest: strangers can have any number of addresses. */
const MAX_SPOKEN_OF = 256;

/**
 * Lets the same thing be said at most once in a while, for each of a few reasons, and of the same one at most once an hour:
 * nobody must fill the log.
 */
export class NowAndThen {
  readonly #everyMs: number;
  readonly #now: () => number;
  readonly #at = new Map<string, number>();
  readonly #spokenOfAt = new BoundedMap<string, number>(MAX_SPOKEN_OF);

  /** `everyMs`: how long a while is. `now`: milliseconds since some moment. @default those of the system */
  constructor({ everyMs, now = () => performance.now() }: { readonly everyMs: number; readonly now?: () => number }) {
    this.#everyMs = everyMs;
    this.#now = now;
  }

  /** Whether it is time to say it, of `whom` where that is somebody; then it counts as said. */
  isTime({ reason = "", whom }: { readonly reason?: string; readonly whom?: string } = {}): boolean {
    const now = this.#now();
    const key = `${reason} ${whom}`;
    if (now - (this.#at.get(reason) ?? -Infinity) < this.#everyMs) return false;
    if (now - (this.#spokenOfAt.get(key) ?? -Infinity) < SAME_EVERY_MS) return false;
    this.#at.set(reason, now);
    if (whom !== undefined) this.#spokenOfAt.set(key, now);
    return true;
  }
}
