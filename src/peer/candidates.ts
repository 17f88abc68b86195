import type { Holder } from "../core/directory.ts";

/** Whom to ask next for one blob, as one learns more: each once, and those that could not give it yet again later. */
export class Candidates {
  readonly #waiting: Holder[];
  /** Ids of all that were asked, or cannot be. */
  readonly #asked = new Set<string>();
  readonly #inVain = new Set<string>();
  /** Ids of those that were let go of before they had answered, and have not answered since. */
  readonly #unanswered = new Set<string>();
  #notYet: Holder[] = [];
  #full = 0;
  #fullWithMore = 0;

  constructor(holders: readonly Holder[]) {
    this.#waiting = [...holders];
  }

  /** Ids of those that gave nothing, that have not answered so far, and that cannot be asked. */
  get inVain(): readonly string[] {
    return [...new Set([...this.#inVain, ...this.#unanswered])];
  }

  /** Whether one had too many readers, so that it pays to come again in a moment. */
  get isFullSomewhere(): boolean {
    return this.#full > 0;
  }

  /** Whether one had too many readers, and bytes that the asker lacks. */
  get isFullWithMore(): boolean {
    return this.#fullWithMore > 0;
  }

  /** The next one; undefined when nobody is left now. */
  take(): Holder | undefined {
    const holder = this.#waiting.shift();
    if (holder !== undefined) this.#asked.add(holder.id);
    return holder;
  }

  /** It was not asked to the end: somebody else was faster. It may be asked again; until it answers it was asked in vain. */
  putBack(holder: Holder): void {
    this.#unanswered.add(holder.id);
    this.#waiting.push(holder);
  }

  /** It gives. */
  answered({ id }: Holder): void {
    this.#unanswered.delete(id);
  }

  /** It has broken off, or refused. */
  failed({ id }: Holder): void {
    this.#inVain.add(id);
  }

  /**
   * It has too many readers, and named them: those that can be reached are asked next. `hasMore`: it has bytes that the
   * asker lacks.
   */
  wasFull(
    holder: Holder,
    { readers, hasMore }: { readonly readers: readonly string[]; readonly hasMore: boolean },
    reach: (id: string) => Holder | undefined,
  ): void {
    this.#unanswered.delete(holder.id);
    this.#full += 1;
    if (hasMore) this.#fullWithMore += 1;
    this.#notYet.push(holder);
    const news = readers.filter((id) => !this.#asked.has(id) && !this.#waiting.some((other) => other.id === id));
    for (const id of news.toReversed()) {
      const other = reach(id);
      if (other !== undefined) this.#waiting.unshift(other);
      else this.#inVain.add(id);
    }
  }

  /** It has no more of the blob than the asker, yet. */
  wasBehind(holder: Holder): void {
    this.#unanswered.delete(holder.id);
    this.#notYet.push(holder);
  }

  /**
   * Begins again with those that could not give it yet, and then with those that have not answered. `insist`: the former
   * count as asked in vain, so that each lets one in that has been to all its readers.
   */
  again({ insist }: { insist: boolean }): void {
    const again = this.#notYet;
    this.#notYet = [];
    this.#full = 0;
    this.#fullWithMore = 0;
    this.#waiting.unshift(...again);
    if (insist) for (const { id } of again) this.#inVain.add(id);
  }
}
