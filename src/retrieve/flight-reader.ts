import type { ByteRange } from "../core/blob-store.ts";
import { bufferPool } from "../core/data/buffer-pool.ts";
import { DistswarmError } from "../core/errors.ts";
import { LentBuffers } from "../core/data/lent-buffers.ts";
import type { Pulse } from "../core/async/pulse.ts";

/** Bytes that a reader takes from the growing copy at once. */
const READ_BYTES = 512 * 1024;

/** What a reader sees of its flight. */
interface ReadableFlight {
  /** Whether all bytes are here and right; of an empty file nothing else tells. */
  isVerified(): boolean;
  /** Bytes from 0 that may leave for a client. */
  released(): number;
  /** Whether the copy will be in the store, as far as is known now. */
  isKept(): boolean;
  /** Why nothing more will come, for a reader that has begun or has not; undefined while all is well. */
  failure(begun: boolean): unknown;
  readonly changed: Pulse;
  read(position: number, length: number, into?: Buffer): Promise<Buffer>;
  /** Told when `position` grew, and when the reader left. */
  moved(): void;
  left(): void;
}

/** One client's view of a flight's growing copy. */
export class FlightReader {
  readonly #flight: ReadableFlight;
  readonly #loan = bufferPool.lend();
  #left = false;
  /** Whether bytes may have left through it. */
  begun = false;
  /** The next byte it reads. */
  position = 0;

  constructor(flight: ReadableFlight) {
    this.#flight = flight;
  }

  /** Whether what it reads will be in the store, as far as is known now. */
  get isKept(): boolean {
    return this.#flight.isKept();
  }

  /**
   * Resolves when the byte at `position` may leave.
   *
   * @throws the flight's error, or the signal's reason.
   */
  async ready(position: number, signal: AbortSignal): Promise<void> {
    this.position = position;
    this.#flight.moved();
    while (this.#flight.released() <= position && !this.#flight.isVerified()) await this.#wait(signal);
    this.#check();
  }

  /**
   * The bytes of `range`, as they may leave, in buffers that are only lent (see {@link LentBuffers}).
   *
   * @throws the flight's error when it ends first: pass it on as a broken body.
   */
  async *read(range: ByteRange, signal: AbortSignal): AsyncGenerator<Buffer> {
    this.position = range.start;
    const buffers = new LentBuffers(this.#loan, Math.min(READ_BYTES, range.end - range.start));
    this.#flight.moved();
    while (this.position < range.end) {
      this.begun = true;
      const available = Math.min(this.#flight.released(), range.end) - this.position;
      if (available > 0) yield await this.#take(Math.min(available, READ_BYTES), buffers);
      else await this.#wait(signal);
    }
  }

  /** Leaves the flight, once the bytes read have left or never will; safe to call twice. */
  close(): void {
    if (this.#left) return;
    this.#left = true;
    this.#loan.end();
    this.#flight.left();
  }

  async #take(length: number, buffers: LentBuffers): Promise<Buffer> {
    this.#check();
    const bytes = await buffers.fill((into) => this.#flight.read(this.position, length, into));
    if (bytes.length === 0)
      throw new DistswarmError(
        "NO_SOURCE",
        "it was read so slowly that the next bytes are gone: the store cannot keep it",
      );
    this.position += bytes.length;
    this.#flight.moved();
    return bytes;
  }

  async #wait(signal: AbortSignal): Promise<void> {
    this.#check();
    await this.#flight.changed.wait(signal);
  }

  #check(): void {
    const failure = this.#flight.failure(this.begun);
    if (failure !== undefined) throw failure as Error;
  }
}
