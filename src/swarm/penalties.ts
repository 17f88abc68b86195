import { BoundedMap } from "../core/data/bounded-map.ts";

/** Ids remembered; the one noted first goes first: an outsider can invent any number of them. */
const MAX_IDS = 1024;

/** Who is left alone for a while. */
export class Penalties {
  readonly #until = new BoundedMap<string, number>(MAX_IDS);
  readonly #now: () => number;

  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Leaves `id` alone for so many milliseconds from now. */
  add(id: string, ms: number): void {
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
}
