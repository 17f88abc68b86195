import { closeSync, fstatSync, openSync, read, constants, type Stats } from "node:fs";
import { promisify } from "node:util";

const readAsync = promisify(read);

/** Read only; a symlink is not followed, as it may lead anywhere. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;

/**
 * A file open for reading. Opening and closing are done on the spot: they take some 10 µs, where each trip through
 * Node's thread pool takes 50-100 µs of two cores, which is what fifty clients at once wait for. Reading may wait for the
 * disk and goes through the pool.
 */
export class BlobFile {
  #fd: number | undefined;
  #reads = 0;
  #closing = false;

  /** @throws system errors as they are. */
  constructor(path: string) {
    this.#fd = openSync(path, OPEN_FLAGS);
  }

  /** Up to `length` bytes from `position` into `buffer` at `offset`; 0 at the end of the file. */
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    this.#reads += 1;
    try {
      return await readAsync(this.#open(), buffer, offset, length, position);
    } finally {
      this.#reads -= 1;
      if (this.#closing) this.close();
    }
  }

  stat(): Stats {
    return fstatSync(this.#open());
  }

  /** Safe to call twice. A read under way ends first: its number could be another file's by then. */
  close(): void {
    this.#closing = true;
    if (this.#fd === undefined || this.#reads > 0) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): number {
    if (this.#fd === undefined || this.#closing) throw new Error("the file is closed");
    return this.#fd;
  }
}
