import { bufferPool } from "../core/data/buffer-pool.ts";

/** Bytes gathered before they go to the disk in one write: sockets bring 16 to 64 KiB at a time. */
const GATHER_BYTES = 256 * 1024;

/** A file of no more than so many bytes is one write: what each write costs shows there, and to lose it little. */
const ONE_WRITE_BYTES = 2 ** 20;

const NOTHING = Buffer.alloc(0);

/** Where the bytes go: resolves when all of them are written. */
type WriteAt = (bytes: Uint8Array, position: number) => Promise<void>;

/**
 * Bytes on their way to a file. They are gathered in memory, and while one lot is being written the next one gathers, so
 * that socket and disk work at the same time. All can be read from memory until they are written: a failed write loses
 * none, and is tried again at the next call that needs it.
 */
export class WriteBehind {
  readonly #write: WriteAt;
  readonly #size: number;
  /** Bytes that are gathered before a write. */
  readonly #lot: number;
  readonly #loan = bufferPool.lend();
  /** Bytes in the file; behind them those of `#full`, and then those of `#gather`. */
  #written = 0;
  /** What is being written, or could not be. */
  #full: Buffer = NOTHING;
  #writing: Promise<void> | undefined;
  #gather: Buffer = NOTHING;
  #gathered = 0;
  #isClosed = false;
  /** The buffer that `#full` lies in: the two take turns. */
  #other: Buffer = NOTHING;

  /** @param size bytes that there will be in all. */
  constructor(write: WriteAt, { size }: { readonly size: number }) {
    this.#write = write;
    this.#size = size;
    this.#lot = size <= ONE_WRITE_BYTES ? size : GATHER_BYTES;
  }

  /** Bytes in the file. */
  get written(): number {
    return this.#written;
  }

  /** Bytes taken, in the file or not. */
  get taken(): number {
    return this.#written + this.#full.length + this.#gathered;
  }

  /** Counts bytes that the file has from before. */
  found(bytes: number): void {
    this.#written += bytes;
  }

  /** Takes bytes. Rejects with the error of a write that failed; then none of them counts. */
  async add(chunk: Uint8Array): Promise<void> {
    if (this.#gathered > 0 && this.#gathered + chunk.length > this.#lot) await this.#handOver();
    this.#checkOpen();
    if (this.#gathered === 0) this.#makeRoom(chunk.length);
    this.#gather.set(chunk, this.#gathered);
    this.#gathered += chunk.length;
  }

  /**
   * Up to `length` bytes from `position` that are in memory, copied `into`
   * a buffer; undefined when they are in the file.
   */
  read(position: number, length: number, into?: Buffer): Buffer | undefined {
    this.#checkOpen();
    const behind = position - this.#written;
    if (behind < 0) return undefined;
    const inFull = this.#full.subarray(behind, behind + length);
    if (inFull.length > 0) return copied(inFull, into);
    const start = behind - this.#full.length;
    return copied(this.#gather.subarray(start, Math.min(start + length, this.#gathered)), into);
  }

  /**
   * Resolves when all bytes taken are in the file. Rejects with the error of a write that failed. Its memory is given back
   * once the file is whole: a commit may wait long for the disk.
   */
  async flush(): Promise<void> {
    await this.#handOver();
    await this.#drain();
    if (this.#written === this.#size) this.#giveBack();
  }

  /** Resolves when nothing is being written any more, or could not be. */
  async idle(): Promise<void> {
    await this.#writing?.catch(() => {});
  }

  /** Forgets all; resolves when nothing is being written any more. */
  async clear(): Promise<void> {
    await this.idle();
    this.#written = 0;
    this.#full = NOTHING;
    this.#gathered = 0;
  }

  /** Gives its memory back, once nothing is being written any more: nothing can be read or taken after that. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.idle();
    this.#giveBack();
  }

  /** Begins to write what was gathered, once the lot before is written. */
  async #handOver(): Promise<void> {
    await this.#drain();
    this.#checkOpen();
    this.#full = this.#gather.subarray(0, this.#gathered);
    [this.#gather, this.#other] = [this.#other, this.#gather];
    this.#gathered = 0;
    void this.#drain().catch(() => {}); // tried again, and told, at the next call
  }

  /** After each wait: the memory may be somebody else's by then. */
  #checkOpen(): void {
    if (this.#isClosed) throw new Error("its memory was given back");
  }

  #drain(): Promise<void> {
    if (this.#full.length > 0) this.#writing ??= this.#writeFull().finally(() => (this.#writing = undefined));
    return this.#writing ?? Promise.resolve();
  }

  async #writeFull(): Promise<void> {
    await this.#write(this.#full, this.#written);
    this.#written += this.#full.length;
    this.#full = NOTHING;
  }

  #giveBack(): void {
    this.#gather = NOTHING;
    this.#other = NOTHING;
    this.#loan.end();
  }

  #makeRoom(bytes: number): void {
    const wanted = Math.max(bytes, Math.min(this.#lot, this.#size - this.taken));
    if (this.#gather.length < wanted) this.#gather = this.#loan.take(wanted);
  }
}

/** Our buffers are used again, so nobody gets a view of them. */
function copied(bytes: Buffer, into: Buffer = Buffer.allocUnsafe(bytes.length)): Buffer {
  return into.subarray(0, bytes.copy(into));
}
