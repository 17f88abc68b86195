/** Who is left alone for a while. */
export class Penalties {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Leaves `id` alone for so many milliseconds from now. */
  add(id: string, ms: number): void {
    this.#forgetOld();
    this.#until.set(id, this.#now() + ms);
  }

  /** Whether `id` is left alone now. */
  has(id: string): boolean {
    return (this.#until.get(id) ?? 0) > this.#now();
  }

  /** Forgives all. */
  clear(): void {
    this.#until.clear();
  }

  #forgetOld(): void {
    const now = this.#now();
    for (const [id, until] of this.#until) if (until <= now) this.#until.delete(id);
  }
}
