/** One of several ways to the same bytes. */
export interface Way {
  /** Aborts when another way has brought bytes, or when this one is given up. */
  readonly signal: AbortSignal;
  /** Bytes came this way: the others end. Throws when another one was first. */
  brought(): void;
  /** Ends it, unless its bytes are on their way. */
  giveUp(reason: Error): void;
}

/** Ways to the same bytes that are tried at the same time: the first that brings any goes on alone. */
export class Race {
  readonly #signal: AbortSignal;
  readonly #ways = new Set<AbortController>();
  #winner: AbortController | undefined;

  /** `signal` ends all of them. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Another way. */
  enter(): Way {
    const way = new AbortController();
    this.#ways.add(way);
    const signal = AbortSignal.any([this.#signal, way.signal]);
    return {
      signal,
      brought: () => {
        signal.throwIfAborted();
        this.#win(way);
      },
      giveUp: (reason) => {
        if (this.#winner !== way) way.abort(reason);
      },
    };
  }

  #win(winner: AbortController): void {
    this.#winner = winner;
    for (const way of this.#ways) if (way !== winner) way.abort(new Error("another source was faster"));
  }
}

/** A way that is tried alone. */
export function onlyWay(signal: AbortSignal): Way {
  return { signal, brought: () => signal.throwIfAborted(), giveUp: () => {} };
}
