/**
 * Sizes of pooled buffers, in bytes: a small file; what readers and writers take at
 * once, twice that; what the store loads at once.
 */
const SIZES = [64 * 1024, 256 * 1024, 512 * 1024, 2 ** 20] as const;

/** Idle bytes that are kept: fifty clients that come at once seldom have more under way. */
const KEPT_BYTES = 16 * 2 ** 20;

/**
 * Large buffers for use after use. Memory outside the heap makes V8 collect: seven boxes that give each other files of 1 MiB
 * marked the whole heap at every fifth file, which took 40 % of their time.
 */
export class BufferPool {
  /** By size, in the order of {@link SIZES}. */
  readonly #idle: readonly Buffer[][] = SIZES.map(() => []);
  #idleBytes = 0;

  /** Begins a loan. */
  lend(): Loan {
    return new Loan(this);
  }

  /** A buffer of at least so many bytes, filled with whatever was in it. */
  take(bytes: number): Buffer {
    const smallest = SIZES.findIndex((size) => size >= bytes);
    if (smallest < 0) return Buffer.allocUnsafeSlow(bytes);
    const buffer = this.#idle
      .slice(smallest)
      .find((idle) => idle.length > 0)
      ?.pop();
    this.#idleBytes -= buffer?.length ?? 0;
    return buffer ?? Buffer.allocUnsafeSlow(SIZES[smallest]!);
  }

  /** Takes back what {@link BufferPool.take} gave, once nobody reads it any more. */
  give(buffer: Buffer): void {
    const size = SIZES.findIndex((bytes) => bytes === buffer.length);
    if (size < 0 || this.#idleBytes + buffer.length > KEPT_BYTES) return;
    this.#idle[size]!.push(buffer);
    this.#idleBytes += buffer.length;
  }
}

/** The pool of this process: what one part gives back serves the next one. */
export const bufferPool = new BufferPool();

/** The buffers that one reader or writer has of a pool. */
export class Loan {
  readonly #pool: BufferPool;
  #taken: Buffer[] = [];

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** See {@link BufferPool.take}. */
  take(bytes: number): Buffer {
    const buffer = this.#pool.take(bytes);
    this.#taken.push(buffer);
    return buffer;
  }

  /** Gives all back, once nobody reads them any more; safe to call twice. */
  end(): void {
    for (const buffer of this.#taken) this.#pool.give(buffer);
    this.#taken = [];
  }
}
