/** Remembers values under a name for a while; the clock is `now`, in milliseconds. */
export class Recent<V> {
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();

  constructor(init: { ttlMs: number; now: () => number }) {
    this.#ttlMs = init.ttlMs;
    this.#now = init.now;
  }

  /** Remembers from now on. */
  remember(name: string, value: V): void {
    for (const [old, { until }] of this.#entries) if (until <= this.#now()) this.#entries.delete(old);
    this.#entries.set(name, { value, until: this.#now() + this.#ttlMs });
  }

  /** What is remembered, while it is fresh. */
  get(name: string): V | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.until > this.#now() ? entry.value : undefined;
  }

  forget(name: string): void {
    this.#entries.delete(name);
  }

  clear(): void {
    this.#entries.clear();
  }
}
