/** How long a proved key stays accepted after its session ended, so that a flap kills no transfer. */
const ADMITTED_AFTER_MS = 600_000;

/** The keys that have proved the network key: they may ask this box for blobs. */
export class Members {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** A box has proved the network key, and is connected. */
  joined(id: string): void {
    this.#until.set(id, Infinity);
  }

  /** Its session ended. */
  left(id: string): void {
    const now = this.#now();
    for (const [other, until] of this.#until) if (until <= now) this.#until.delete(other);
    if (this.#until.has(id)) this.#until.set(id, now + ADMITTED_AFTER_MS);
  }

  /** It is no member any more, at once. */
  expel(id: string): void {
    this.#until.delete(id);
  }

  /** Whether it is connected, or was lately. */
  admits(id: string): boolean {
    return (this.#until.get(id) ?? 0) > this.#now();
  }

  /** Forgets all: there is a new network key. */
  clear(): void {
    this.#until.clear();
  }
}
