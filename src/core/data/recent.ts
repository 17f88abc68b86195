/**
 * Remembers values under a name for a while; the clock is `now`, in milliseconds. Where that is set back, what is remembered
 * may be of any age: it is forgotten.
 */
export class Recent<V> {
  readonly #ttlMs: number;
  readonly #now: () => number;
  /** In order of time. */
  readonly #entries = new Map<string, { readonly value: V; readonly since: number }>();

  constructor(init: { ttlMs: number; now: () => number }) {
    this.#ttlMs = init.ttlMs;
    this.#now = init.now;
  }

  /** Remembers from now on. */
  remember(name: string, value: V): void {
    this.#forgetOld();
    this.#entries.delete(name);
    this.#entries.set(name, { value, since: this.#now() });
  }

  /** What is remembered, while it is fresh. */
  get(name: string): V | undefined {
    return this.remainingMs(name) > 0 ? this.#entries.get(name)?.value : undefined;
  }

  /** For how many milliseconds more it is remembered; 0 when it is not. */
  remainingMs(name: string): number {
    const entry = this.#entries.get(name);
    return entry === undefined ? 0 : this.#leftOf(entry.since);
  }

  clear(): void {
    this.#entries.clear();
  }

  #forgetOld(): void {
    for (const [name, { since }] of this.#entries) {
      if (this.#leftOf(since) > 0) return;
      this.#entries.delete(name);
    }
  }

  #leftOf(since: number): number {
    const age = this.#now() - since;
    return age < 0 ? 0 : Math.max(0, this.#ttlMs - age);
  }
}
