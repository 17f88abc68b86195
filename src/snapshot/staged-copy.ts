import { constants, open, type FileHandle } from "node:fs/promises";
import type { ByteRange } from "../core/blob-store.ts";
import { SourceError } from "../core/errors.ts";
import { GrowingCopy } from "../core/growing-copy.ts";
import { Pulse } from "../core/async/pulse.ts";
import type { PassingBody } from "../core/snapshots.ts";

/** Bytes that a reader takes at once. */
const READ_BYTES = 256 * 1024;

/** Read and append, made where it is missing, kept where it is there. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * A file that is being staged, and read by clients and peers while it grows. The file stays readable until the writer and
 * all readers have let go of it, also after its name is gone.
 */
export class StagedCopy {
  readonly path: string;
  /** Label of the source that fills it now. */
  source: string | undefined;
  readonly #handle: FileHandle;
  readonly #changed: Pulse;
  #isResumed: boolean;
  #received: number;
  #size: number | undefined;
  #failure: unknown;
  #clients = 0;
  #users = 1;

  private constructor(path: string, handle: FileHandle, init: { received: number; changed: Pulse }) {
    this.path = path;
    this.#handle = handle;
    this.#received = init.received;
    this.#isResumed = init.received > 0;
    this.#changed = init.changed;
  }

  /**
   * Opens the copy at `path`, made anew, or with what an earlier try left; `changed` fires at whatever happens to it.
   * Throws system errors.
   */
  static async open(path: string, changed: Pulse = new Pulse()): Promise<StagedCopy> {
    const handle = await open(path, OPEN_FLAGS, 0o600);
    return new StagedCopy(path, handle, { received: (await handle.stat()).size, changed });
  }

  /** Bytes present. */
  get received(): number {
    return this.#received;
  }

  /** Whether it goes on with what an earlier try left: who gave that is not known here. */
  get isResumed(): boolean {
    return this.#isResumed;
  }

  /** Bytes in all, as far as they are known. */
  get size(): number | undefined {
    return this.#size;
  }

  /** Clients that read it. */
  get clients(): number {
    return this.#clients;
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

  /** Begins again at 0. Only while nobody can read: before its length is known, or where nobody is given it. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#received = 0;
    this.#isResumed = false;
  }

  /** No more bytes will come: readers that lack some are told why. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#changed.fire();
  }

  /** What a client reads. Its size must be known. */
  body(): PassingBody {
    const size = this.#size;
    if (size === undefined) throw new Error("the length of this copy is not known yet");
    this.#users += 1;
    this.#clients += 1;
    const close = once(() => {
      this.#clients -= 1;
      return this.#letGo();
    });
    return { size, read: (range, signal) => this.#read(range, signal), close };
  }

  /**
   * What a peer reads, who verifies it itself; undefined before its size is known, and when no more will come. `isRoot`:
   * its bytes come from no other box.
   */
  openGrowing({ isRoot }: { isRoot: boolean }): GrowingCopy | undefined {
    const size = this.#size;
    if (size === undefined || this.#failure !== undefined) return undefined;
    this.#users += 1;
    return new GrowingCopy({
      size,
      received: () => this.#received,
      isRoot: () => isRoot,
      failure: () => this.#failure,
      changed: this.#changed,
      read: (position, length, into) => this.#readAt(position, Math.min(length, this.#received - position), into),
      left: () => void this.#letGo().catch(() => {}), // it was read only
    });
  }

  /** The writer lets go. Readers of a copy that is not whole are told that no more will come. */
  async close(): Promise<void> {
    if (this.#received !== this.#size) this.fail(new SourceError("BROKEN", "it is not being fetched any more"));
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#handle.close();
  }

  async *#read(range: ByteRange, signal: AbortSignal): AsyncGenerator<Buffer> {
    let position = range.start;
    while (position < range.end) {
      signal.throwIfAborted();
      const available = Math.min(this.#received, range.end) - position;
      if (available > 0) {
        const bytes = await this.#readAt(position, Math.min(available, READ_BYTES));
        position += bytes.length;
        yield bytes;
      } else if (this.#failure === undefined) {
        await this.#changed.wait(signal);
      } else {
        throw this.#failure;
      }
    }
  }

  async #readAt(position: number, length: number, into: Buffer = Buffer.allocUnsafeSlow(length)): Promise<Buffer> {
    const { bytesRead } = await this.#handle.read(into, 0, length, position);
    return into.subarray(0, bytesRead);
  }
}

/** Runs `action` at the first call only. */
function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= action());
}
