import { abortable } from "../core/async/pulse.ts";

/** A lock for each key: one holder at a time, the others wait in the order in which they came. */
export class Locks<K> {
  readonly #last = new Map<K, Promise<void>>();

  /** Whether somebody holds the lock, or waits for it. */
  isTaken(key: K): boolean {
    return this.#last.has(key);
  }

  /**
   * Resolves when the caller holds the lock, with the function that gives it back (harmless when called again).
   *
   * @throws the signal's reason, for a caller who waits no longer.
   */
  async take(key: K, signal?: AbortSignal): Promise<() => void> {
    const before = this.#last.get(key) ?? Promise.resolve();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#last.set(key, held);
    const end = (): void => {
      if (this.#last.get(key) === held) this.#last.delete(key);
      release();
    };
    await abortable(before, signal).catch((error: unknown) => {
      void before.then(end);
      throw error;
    });
    return end;
  }
}
