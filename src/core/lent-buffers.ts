/**
 * A writer that got so many bytes at once holds its source back until they have left (the high-water marks of Node's streams
 * are 16 and 64 KiB); fewer it may keep for later, so those are never lent.
 */
const LENT_FROM_BYTES = 64 * 1024;

/**
 * Two buffers that take turns, for whom fresh memory for each piece of a large file would cost page faults and garbage
 * collections. A piece is the consumer's until it has asked for two more.
 */
export class LentBuffers {
  readonly #bytes: number;
  #next: Buffer | undefined;
  #other: Buffer | undefined;

  /** @param bytes of each buffer, once it is needed. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** What `read` puts into the buffer whose turn it is; a copy of it when it is little. */
  async fill(read: (into: Buffer) => Promise<Buffer>): Promise<Buffer> {
    this.#next ??= Buffer.allocUnsafeSlow(this.#bytes);
    const bytes = await read(this.#next);
    if (bytes.length < LENT_FROM_BYTES) return Buffer.from(bytes);
    [this.#next, this.#other] = [this.#other, this.#next];
    return bytes;
  }
}
