import type { MessagePort } from "node:worker_threads";
import type { Digest } from "../core/digest.ts";
import { CHUNK_BYTES, formatSums, type BlobSums } from "./chunk-sums.ts";
import { DistswarmError } from "../core/errors.ts";
import type { HashThread } from "./hash-thread.ts";

/** An answer of the thread that somebody waits for. */
interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Digest and chunk sums of one large blob, as {@link BlobHash} takes them, but in another thread. Bytes are gathered in two
 * shared buffers of one chunk each: while the thread hashes one, the other fills.
 */
export class ThreadedHash {
  readonly #port: MessagePort;
  readonly #sums: number[] = [];
  #filling = sharedBuffer();
  #other = sharedBuffer();
  #filled = 0;
  /** Settles when the lot before is hashed, and its buffer free. */
  #hashing: Promise<void> = Promise.resolve();
  #waiting: Waiting | undefined;
  #isClosed = false;

  /** Throws as {@link HashThread.open}. */
  constructor(thread: Pick<HashThread, "open">) {
    this.#port = thread.open();
    this.#port.on("message", (answer: unknown) => this.#waiting?.resolve(answer));
    this.#port.once("close", () => {
      this.#isClosed = true;
      this.#waiting?.reject(threadEnded());
    });
  }

  /**
   * Adds a copy of the bytes, in pieces of any length; resolves when there is room for more. One call at a time.
   *
   * @throws {DistswarmError} `STORE_UNUSABLE` when the thread has died: hash all of them again.
   */
  async update(bytes: Uint8Array): Promise<void> {
    for (let taken = 0; taken < bytes.length;) {
      const part = bytes.subarray(taken, taken + CHUNK_BYTES - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === CHUNK_BYTES) await this.#handOver();
    }
  }

  /** Ends the hash; throws as {@link ThreadedHash.update}. */
  async finish(): Promise<BlobSums> {
    if (this.#filled > 0) await this.#handOver();
    await this.#hashing;
    const digest = (await this.#ask(null)) as Digest;
    this.close();
    return { digest, sums: formatSums(this.#sums) };
  }

  /** Lets go of the thread; safe to call twice. */
  close(): void {
    this.#port.close();
  }

  async #handOver(): Promise<void> {
    await this.#hashing;
    const lot = this.#filling.subarray(0, this.#filled);
    [this.#filling, this.#other] = [this.#other, this.#filling];
    this.#filled = 0;
    this.#hashing = this.#ask(lot).then((sum) => void this.#sums.push(sum as number));
    this.#hashing.catch(() => {}); // thrown where it is waited for
  }

  #ask(message: Uint8Array | null): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(threadEnded());
      this.#waiting = { resolve, reject };
      this.#port.postMessage(message);
    });
  }
}

function sharedBuffer(): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(CHUNK_BYTES));
}

function threadEnded(): DistswarmError {
  return new DistswarmError("STORE_UNUSABLE", "the hashing thread ended: is there enough memory?");
}
