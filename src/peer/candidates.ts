import type { Holder } from "./directory.ts";

/** Whom to ask next for one blob, as one learns more: each once, and those that were busy once more at the end. */
export class Candidates {
  readonly #waiting: Holder[];
  readonly #asked = new Set<string>();
  readonly #busy: Holder[] = [];
  readonly #askedTwice = new Set<string>();

  constructor(holders: readonly Holder[]) {
    this.#waiting = [...holders];
  }

  /** Ids of all that were asked, or cannot be. */
  get asked(): readonly string[] {
    return [...this.#asked];
  }

  /** The next one; undefined when nobody is left. */
  take(): Holder | undefined {
    const holder = this.#waiting.shift() ?? this.#busy.shift();
    if (holder !== undefined) this.#asked.add(holder.id);
    return holder;
  }

  /** It was not asked to the end: somebody else was faster. It may be asked again. */
  putBack(holder: Holder): void {
    this.#waiting.push(holder);
  }

  /**
   * It had too many readers and named them: those that can be reached are asked next, and itself once more when nobody else
   * is left, told of all that were tried.
   */
  wasBusy(holder: Holder, named: readonly string[], reach: (id: string) => Holder | undefined): void {
    const news = named.filter((id) => !this.#asked.has(id) && !this.#waiting.some((other) => other.id === id));
    for (const id of news.toReversed()) {
      const other = reach(id);
      if (other === undefined) this.#asked.add(id);
      else this.#waiting.unshift(other);
    }
    if (this.#askedTwice.has(holder.id)) return;
    this.#askedTwice.add(holder.id);
    this.#busy.push(holder);
  }
}
