import { constants, open, type FileHandle } from "node:fs/promises";
import type { ByteRange } from "../core/blob-store.ts";
import { Pulse } from "../core/pulse.ts";
import type { PassingBody } from "../core/snapshots.ts";

/** Bytes that a reader takes at once. */
const READ_BYTES = 256 * 1024;

/** Read and append, made where it is missing, kept where it is there. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * A file that is being staged, and read by clients while it grows. The file stays readable until the writer and all
 * readers have let go of it, also after its name is gone.
 */
export class GrowingCopy {
  readonly path: string;
  /** Label of the source that fills it now. */
  source: string | undefined;
  readonly #handle: FileHandle;
  readonly #changed: Pulse;
  #received: number;
  #size: number | undefined;
  #failure: unknown;
  #users = 1;

  private constructor(path: string, handle: FileHandle, init: { received: number; changed: Pulse }) {
    this.path = path;
    this.#handle = handle;
    this.#received = init.received;
    this.#changed = init.changed;
  }

  /**
   * Opens the copy at `path`, made anew, or with what an earlier try left; `changed` fires at whatever happens to it.
   * Throws system errors.
   */
  static async open(path: string, changed: Pulse = new Pulse()): Promise<GrowingCopy> {
    const handle = await open(path, OPEN_FLAGS, 0o600);
    return new GrowingCopy(path, handle, { received: (await handle.stat()).size, changed });
  }

  /** Bytes present. */
  get received(): number {
    return this.#received;
  }

  /** Bytes in all, as far as they are known. */
  get size(): number | undefined {
    return this.#size;
  }

  /** Clients that read it. */
  get readers(): number {
    return this.#users - 1;
  }

  /** Tells how long it will be, once that is known. */
  expect(size: number): void {
    this.#size = size;
    this.#changed.fire();
  }

  /** Adds bytes. Throws system errors. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, this.#received + done);
      done += bytesWritten;
    }
    this.#received += chunk.length;
    this.#changed.fire();
  }

  /** Begins again at 0. Only while nobody reads. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#received = 0;
  }

  /** No more bytes will come: readers that lack some are told why. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#changed.fire();
  }

  /** A reader's view. Its size must be known. */
  body(): PassingBody {
    const size = this.#size;
    if (size === undefined) throw new Error("the length of this copy is not known yet");
    this.#users += 1;
    const close = once(() => this.close());
    return { size, read: (range, signal) => this.#read(range, signal), close };
  }

  /** The writer, or one reader, lets go. */
  async close(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#handle.close();
  }

  async *#read(range: ByteRange, signal: AbortSignal): AsyncGenerator<Buffer> {
    let position = range.start;
    while (position < range.end) {
      signal.throwIfAborted();
      const available = Math.min(this.#received, range.end) - position;
      if (available > 0) {
        const bytes = Buffer.allocUnsafeSlow(Math.min(available, READ_BYTES));
        const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, position);
        position += bytesRead;
        yield bytes.subarray(0, bytesRead);
      } else if (this.#failure === undefined) {
        await this.#changed.wait(signal);
      } else {
        throw this.#failure;
      }
    }
  }
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= action());
}
