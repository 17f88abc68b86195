import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsync,
  ftruncate,
  openSync,
  read,
  write,
  type Stats,
} from "node:fs";
import { promisify } from "node:util";

const readAsync = promisify(read);
const writeAsync = promisify(write);
const fsyncAsync = promisify(fsync);
const truncateAsync = promisify(ftruncate);

/** How a file of the store is opened; a symlink is never followed, as it may lead anywhere. */
const FLAGS = {
  read: constants.O_RDONLY | constants.O_NOFOLLOW,
  /** To read and write what is there. */
  resume: constants.O_RDWR | constants.O_NOFOLLOW,
  /** The same, made where it is missing. */
  create: constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
};

/**
 * An open file of the store. What only touches the directory or the inode is done on the spot: it takes some 10 µs, where
 * each trip through Node's thread pool takes 50-100 µs of two cores, and a small file would make nine. What may wait for
 * the disk goes through the pool.
 */
export class OpenFile {
  #fd: number | undefined;
  #busy = 0;
  #closing = false;

  /** @throws system errors as they are. */
  constructor(path: string, purpose: keyof typeof FLAGS, mode?: number) {
    this.#fd = openSync(path, FLAGS[purpose], mode);
  }

  /** Up to `length` bytes from `position` into `buffer` at `offset`; 0 at the end of the file. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return this.#use((fd) => readAsync(fd, buffer, offset, length, position));
  }

  /** Writes all of `bytes` at `position`. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const at = done;
      const left = bytes.length - done;
      const { bytesWritten } = await this.#use((fd) => writeAsync(fd, bytes, at, left, position + at));
      done += bytesWritten;
    }
  }

  /** Drops all bytes. */
  empty(): Promise<void> {
    return this.#use((fd) => truncateAsync(fd, 0));
  }

  /** Makes its bytes durable. */
  sync(): Promise<void> {
    return this.#use((fd) => fsyncAsync(fd));
  }

  chmod(mode: number): void {
    fchmodSync(this.#open(), mode);
  }

  stat(): Stats {
    return fstatSync(this.#open());
  }

  /** Safe to call twice. What is under way ends first: the descriptor could be another file's by then. */
  close(): void {
    this.#closing = true;
    if (this.#fd === undefined || this.#busy > 0) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  async #use<T>(operation: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.#open();
    this.#busy += 1;
    try {
      return await operation(fd);
    } finally {
      this.#busy -= 1;
      if (this.#closing) this.close();
    }
  }

  #open(): number {
    if (this.#fd === undefined || this.#closing) throw new Error("the file is closed");
    return this.#fd;
  }
}
