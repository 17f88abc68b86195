/** Bytes of a pooled buffer: what the store loads at once. */
const BUFFER_BYTES = 2 ** 20;

/** Idle buffers that are kept; fifty clients that come at once seldom have more than these under way. */
const KEPT_BUFFERS = 16;

/**
 * Large buffers for use after use. Memory outside the heap makes V8 collect: fifty fresh MiB, three times over the whole heap,
 * while clients wait.
 */
export class BufferPool {
  readonly #idle: Buffer[] = [];

  /** Begins a loan. */
  lend(): Loan {
    return new Loan(this.#idle);
  }
}

/** The buffers that one reader has of a pool. */
export class Loan {
  readonly #idle: Buffer[];
  readonly #taken: Buffer[] = [];

  /** @param idle the pool's. */
  constructor(idle: Buffer[]) {
    this.#idle = idle;
  }

  /** A buffer of 1 MiB. */
  take(): Buffer {
    const buffer = this.#idle.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#taken.push(buffer);
    return buffer;
  }

  /** Gives all back, once nobody reads them any more; safe to call twice. */
  end(): void {
    for (const buffer of this.#taken.splice(0)) {
      if (this.#idle.length < KEPT_BUFFERS) this.#idle.push(buffer);
    }
  }
}
