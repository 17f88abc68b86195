import { bufferPool } from "../core/data/buffer-pool.ts";
import { Pulse } from "../core/async/pulse.ts";

/** A body that has so many bytes waiting is held back. */
const PAUSE_AT_BYTES = 256 * 1024;
/** Room in a buffer: beyond the pause comes what the connection had read already. */
const BUFFER_BYTES = 2 * PAUSE_AT_BYTES;

const NOTHING = Buffer.alloc(0);

/** What holds the connection back, and breaks it off. */
export interface Flow {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/**
 * The bytes of an answer, gathered in two buffers that take turns: each is the reader's until it asks for the next one.
 * A TLS connection brings 16 KiB at a time; taken on one by one, in fresh memory each, they cost twice as much as all else.
 */
export class LentBody implements AsyncIterable<Buffer> {
  readonly #flow: Flow;
  readonly #changed = new Pulse();
  readonly #bufferBytes: number;
  readonly #loan = bufferPool.lend();
  #filling: Buffer = NOTHING;
  #filled = 0;
  #lent: Buffer = NOTHING;
  #isTelling = false;
  /** Whether the reader has gone: then it takes nothing any more. */
  #isLeft = false;
  #end: { readonly error?: unknown } | undefined;

  /** @param size bytes that are expected; more are taken, too. */
  constructor(flow: Flow, { size }: { readonly size: number }) {
    this.#flow = flow;
    this.#bufferBytes = Math.min(size, BUFFER_BYTES);
  }

  /** Takes bytes in. */
  take(chunk: Uint8Array): void {
    if (this.#isLeft) return;
    const end = this.#filled + chunk.length;
    if (end > this.#filling.length) this.#makeRoom(end);
    this.#filling.set(chunk, this.#filled);
    this.#filled = end;
    if (end >= PAUSE_AT_BYTES) this.#flow.pause();
    this.#tellSoon();
  }

  /** Nothing more will come: the reader gets what there is, and then the error, if there is one. */
  end(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#changed.fire();
  }

  /** Breaks it off; for who does not read it. */
  destroy(): void {
    this.#flow.abort(new Error("nobody reads it"));
  }

  /** Once; its memory is given back when the reader leaves. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        if (this.#filled > 0) yield this.#lend();
        else if (this.#end === undefined) await this.#changed.wait();
        else if ("error" in this.#end) throw this.#end.error as Error;
        else return;
      }
    } finally {
      this.#isLeft = true;
      this.#loan.end();
    }
  }

  /** Not at once: what the connection has at hand comes along. */
  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      this.#changed.fire();
    });
  }

  #lend(): Buffer {
    const bytes = this.#filling.subarray(0, this.#filled);
    [this.#filling, this.#lent] = [this.#lent, this.#filling];
    this.#filled = 0;
    this.#flow.resume();
    return bytes;
  }

  #makeRoom(bytes: number): void {
    const larger = this.#loan.take(Math.max(bytes, this.#bufferBytes));
    this.#filling.copy(larger, 0, 0, this.#filled);
    this.#filling = larger;
  }
}
