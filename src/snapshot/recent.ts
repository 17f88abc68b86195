/**
 * Remembers values under a name for a while; the clock is `now`, in milliseconds. Where that is set back, what is remembered
 * may be of any age: it is forgotten.
 */
export class Recent<V> {
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, { readonly value: V; readonly since: number }>();

  constructor(init: { ttlMs: number; now: () => number }) {
    this.#ttlMs = init.ttlMs;
    this.#now = init.now;
  }

  /** Remembers from now on. */
  remember(name: string, value: V): void {
    for (const [old, { since }] of this.#entries) if (!this.#isFresh(since)) this.#entries.delete(old);
    this.#entries.set(name, { value, since: this.#now() });
  }

  /** What is remembered, while it is fresh. */
  get(name: string): V | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && this.#isFresh(entry.since) ? entry.value : undefined;
  }

  clear(): void {
    this.#entries.clear();
  }

  #isFresh(since: number): boolean {
    const age = this.#now() - since;
    return age >= 0 && age < this.#ttlMs;
  }
}
