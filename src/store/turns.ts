/** One holder at a time for each key; the others wait in the order in which they came. */
export class Turns<K> {
  #last = new Map<K, Promise<void>>();

  /** Resolves when it is the caller's turn, with the function that ends the turn (harmless when called again). */
  async take(key: K): Promise<() => void> {
    const before = this.#last.get(key);
    let release = () => {};
    const turn = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#last.set(key, turn);
    await before;
    return () => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
      release();
    };
  }
}
