import { abortable } from "../core/pulse.ts";

/** One holder at a time for each key; the others wait in the order in which they came. */
export class Turns<K> {
  readonly #last = new Map<K, Promise<void>>();

  /** Whether somebody has the turn, or waits for it. */
  isTaken(key: K): boolean {
    return this.#last.has(key);
  }

  /**
   * Resolves when it is the caller's turn, with the function that ends the turn (harmless when called again).
   *
   * @throws the signal's reason, for a caller who waits no longer.
   */
  async take(key: K, signal?: AbortSignal): Promise<() => void> {
    const before = this.#last.get(key) ?? Promise.resolve();
    let release = () => {};
    const turn = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#last.set(key, turn);
    const end = (): void => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
      release();
    };
    await abortable(before, signal).catch((error: unknown) => {
      void before.then(end);
      throw error;
    });
    return end;
  }
}
