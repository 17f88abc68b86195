/** Wakes all who wait at each {@link Pulse.fire}: how readers of a growing copy learn that it grew. */
export class Pulse {
  #waiting: Deferred | undefined;

  /** Resolves at the next fire; rejects with the signal's reason when it aborts first. */
  async wait(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#waiting ??= deferred();
    await abortable(this.#waiting.promise, signal);
  }

  /** Wakes those who wait now. */
  fire(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve();
  }
}

/** A {@link Pulse} for each of many subjects, as long as somebody waits for it. */
export class Pulses {
  readonly #pulses = new Map<string, { readonly pulse: Pulse; waiting: number }>();

  /** See {@link Pulse.wait}. */
  async wait(subject: string, signal: AbortSignal): Promise<void> {
    const entry = this.#pulses.get(subject) ?? { pulse: new Pulse(), waiting: 0 };
    this.#pulses.set(subject, entry);
    entry.waiting += 1;
    try {
      await entry.pulse.wait(signal);
    } finally {
      entry.waiting -= 1;
      if (entry.waiting === 0 && this.#pulses.get(subject) === entry) this.#pulses.delete(subject);
    }
  }

  /** Wakes those who wait for a subject. */
  fire(subject: string): void {
    this.#pulses.get(subject)?.pulse.fire();
  }

  /** Wakes all who wait for any. */
  fireAll(): void {
    for (const { pulse } of this.#pulses.values()) pulse.fire();
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function deferred(): Deferred {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** `promise`, or the signal's reason when it aborts first; leaves no listener behind. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort)); // nobody else hears it fail
  });
}
