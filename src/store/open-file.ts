import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncate,
  open,
  openSync,
  read,
  write,
  type Stats,
} from "node:fs";
import { promisify } from "node:util";
import { READ_FLAGS } from "../core/fs/regular-file.ts";
import { syncInTurn } from "../core/fs/sync-turns.ts";
import { lacksModes } from "./lacks-modes.ts";

const openAsync = promisify(open);
const readAsync = promisify(read);
const writeAsync = promisify(write);
const truncateAsync = promisify(ftruncate);

/** How a file of the store is opened; a symlink is never followed, as it may lead anywhere. */
const FLAGS = {
  read: READ_FLAGS,
  /** To read and write what is there. */
  resume: constants.O_RDWR | constants.O_NOFOLLOW,
};
const CREATE_FLAGS = FLAGS.resume | constants.O_CREAT;

/**
 * An open file of the store. What only looks at the directory or the inode is done on the spot: it takes some 10 µs, where
 * each trip through Node's thread pool takes 50-100 µs of two cores. What may wait for the disk goes through the pool; so
 * does making a file, which may wait for the journal.
 */
export class OpenFile {
  #fd: number | undefined;
  #busy = 0;
  #closing = false;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens what is there. @throws system errors as they are. */
  static open(path: string, purpose: keyof typeof FLAGS): OpenFile {
    return new OpenFile(openSync(path, FLAGS[purpose]));
  }

  /** Opens a file to read and write it, and makes it where it is missing. @throws system errors as they are. */
  static async create(path: string, mode: number): Promise<OpenFile> {
    return new OpenFile(await openAsync(path, CREATE_FLAGS, mode));
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
    return this.#use((fd) => syncInTurn(fd));
  }

  /** Sets its mode, where it can be set; see {@link lacksModes}. @throws system errors as they are. */
  chmod(mode: number): void {
    try {
      fchmodSync(this.#open(), mode);
    } catch (error) {
      if (!lacksModes(error, this.stat().mode, mode)) throw error;
    }
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
