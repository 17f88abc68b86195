/** A way to the bytes. */
export interface Way {
  /** Aborts when nothing is to come this way any more. */
  readonly signal: AbortSignal;
  /** Bytes came this way: the others end. Throws when it has ended itself. */
  brought(): void;
}

/** One of several ways to the same bytes; it ends when another has brought bytes. */
export interface RacingWay extends Way {
  /** Ends it, unless its bytes are on their way. */
  giveUp(reason: Error): void;
  /** Ends it, whatever has come. */
  leave(reason: Error): void;
}

/**
 * Ways to the same bytes that are tried at the same time: the first that brings any goes on alone. One that is entered later
 * races against that: when it says that it has brought bytes, it goes on instead.
 */
export class Race {
  readonly #signal: AbortSignal;
  readonly #ways = new Set<AbortController>();
  readonly #onAbort = (): void => this.end(this.#signal.reason as Error);
  #winner: AbortController | undefined;

  /** `signal` ends all of them, until the race is over. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  /** Whether a way has brought bytes. */
  get isDecided(): boolean {
    return this.#winner !== undefined;
  }

  /** Another way. */
  enter(): RacingWay {
    const way = new AbortController();
    const { signal } = way;
    this.#ways.add(way);
    if (this.#signal.aborted) this.#onAbort();
    return {
      signal,
      brought: () => {
        signal.throwIfAborted();
        this.#win(way);
      },
      giveUp: (reason) => {
        if (this.#winner !== way) this.#end(way, reason);
      },
      leave: (reason) => this.#end(way, reason),
    };
  }

  /** Ends all ways. */
  end(reason: Error): void {
    for (const way of this.#ways) this.#end(way, reason);
  }

  /** Nobody goes any of its ways any more. */
  over(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #win(winner: AbortController): void {
    this.#winner = winner;
    for (const way of this.#ways) if (way !== winner) this.#end(way, new Error("another source was faster"));
  }

  #end(way: AbortController, reason: Error): void {
    this.#ways.delete(way);
    way.abort(reason);
  }
}

/** A way that is tried alone. */
export function onlyWay(signal: AbortSignal): Way {
  return { signal, brought: () => signal.throwIfAborted() };
}
