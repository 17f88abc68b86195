import { Pulse } from "./pulse.ts";

/** What several tasks tell, in order, to one who iterates over it. Unbounded: for events, not for bytes. */
export class Channel<T> {
  readonly #items: T[] = [];
  readonly #changed = new Pulse();
  #ended = false;

  /** Adds an item. */
  push(item: T): void {
    this.#items.push(item);
    this.#changed.fire();
  }

  /** Nothing more will come. */
  end(): void {
    this.#ended = true;
    this.#changed.fire();
  }

  /** All items until the end; throws the signal's reason when it aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<T> {
    for (;;) {
      yield* this.#items.splice(0);
      if (this.#items.length > 0) continue;
      if (this.#ended) return;
      await this.#changed.wait(signal);
    }
  }
}
