import type { Loan } from "./buffer-pool.ts";

/**
 * A writer that got so many bytes at once holds its source back until they have left (the high-water marks of Node's streams
 * are 16 and 64 KiB); fewer it may keep for later, so those are never lent.
 */
const LENT_FROM_BYTES = 64 * 1024;

/** Two buffers of a loan that take turns. A piece is the consumer's until it has asked for two more, or the loan ends. */
export class LentBuffers {
  readonly #loan: Loan;
  readonly #bytes: number;
  #next: Buffer | undefined;
  #other: Buffer | undefined;

  /** @param bytes of each buffer, once it is needed. */
  constructor(loan: Loan, bytes: number) {
    this.#loan = loan;
    this.#bytes = bytes;
  }

  /** What `read` puts into the buffer whose turn it is; a copy of it when it is little. */
  async fill(read: (into: Buffer) => Promise<Buffer>): Promise<Buffer> {
    this.#next ??= this.#loan.take(this.#bytes);
    const bytes = await read(this.#next);
    if (bytes.length < LENT_FROM_BYTES) return Buffer.from(bytes);
    [this.#next, this.#other] = [this.#other, this.#next];
    return bytes;
  }
}
