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

  /** Ids of all that were asked. */
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

  /** It had too many readers and named some; they are asked next, and itself once more when nobody else is left. */
  wasBusy(holder: Holder, receiving: readonly Holder[]): void {
    const news = receiving.filter(({ id }) => !this.#asked.has(id) && !this.#waiting.some((other) => other.id === id));
    this.#waiting.unshift(...news);
    if (this.#askedTwice.has(holder.id)) return;
    this.#askedTwice.add(holder.id);
    this.#busy.push(holder);
  }
}
