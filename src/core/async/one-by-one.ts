/** Runs changes one after the other, in the order in which they were asked for; one that fails holds up none. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();

  /** What came of `change`, which begins when those before it have ended. */
  run<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Resolves when all that were asked for so far have ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
