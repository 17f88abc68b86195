/**
 * An abort of one's own that comes with those of others, too, until it is unlinked. `AbortSignal.any` would unlink itself,
 * but Node 20 does that by weak references: each takes longer than to send a small file's request, what it keeps outlives
 * all collections but those of the whole heap, and of a signal that lives on it keeps 58 bytes for ever.
 */
export class LinkedAbort {
  readonly #own = new AbortController();
  readonly #others: readonly AbortSignal[];
  readonly #follow = ({ target }: Event): void => this.abort((target as AbortSignal).reason);

  /** Aborts with the reason of the first of `others` that does. */
  constructor(others: readonly AbortSignal[]) {
    this.#others = others;
    for (const other of others) other.addEventListener("abort", this.#follow);
    const first = others.find(({ aborted }) => aborted);
    if (first !== undefined) this.abort(first.reason);
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Aborts this one alone. */
  abort(reason: unknown): void {
    this.#own.abort(reason);
  }

  /** From now on the others are nothing to it: to be called when what they would end is over. */
  unlink(): void {
    for (const other of this.#others) other.removeEventListener("abort", this.#follow);
  }
}
