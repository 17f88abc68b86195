/** Lets the same thing be said at most once in a while, for each of a few reasons: nobody must fill the log. */
export class NowAndThen {
  readonly #everyMs: number;
  readonly #now: () => number;
  readonly #at = new Map<string, number>();

  /** `everyMs`: how long a while is. `now`: milliseconds since some moment. @default those of the system */
  constructor({ everyMs, now = () => performance.now() }: { readonly everyMs: number; readonly now?: () => number }) {
    this.#everyMs = everyMs;
    this.#now = now;
  }

  /** Whether it is time to say it; then it counts as said. */
  isTime(reason = ""): boolean {
    const now = this.#now();
    if (now - (this.#at.get(reason) ?? -Infinity) < this.#everyMs) return false;
    this.#at.set(reason, now);
    return true;
  }
}
