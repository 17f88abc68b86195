import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Ingest } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import { DistswarmError, SourceError, systemCode } from "../core/errors.ts";
import { BlobHash, type BlobSums, type ChunkSums } from "./chunk-sums.ts";
import { FILE_MODE, writeFault } from "./disk.ts";
import type { HashThread } from "./hash-thread.ts";
import { OpenFile } from "./open-file.ts";
import { placeBlob } from "./place.ts";
import type { StoreDirs } from "./store-dirs.ts";
import { SyncAhead } from "./sync-ahead.ts";
import { ThreadedHash } from "./threaded-hash.ts";
import { WriteBehind } from "./write-behind.ts";

/** Most bytes that one read of the growing copy returns, and that one step of resuming hashes. */
const READ_BYTES = 2 ** 20;

/** Blobs of this size or more are hashed in a thread; to start that takes as long as to hash 40 MiB. */
const THREAD_FROM_BYTES = 32 * 2 ** 20;

/** System errors of a partial that no later try could read either: the disk fails, or it is a symlink or another user's. */
const UNREADABLE_CODES = ["EIO", "ELOOP", "EACCES", "EPERM"];

/** What an ingest uses of the store, and whom it tells. */
interface IngestComponents {
  readonly dirs: StoreDirs;
  readonly hashThread: Pick<HashThread, "open">;
  /** Has `place` put the blob in place, durably, when nobody removes an older one; then records and announces it. */
  readonly commit: (sums: ChunkSums, place: () => Promise<void>) => Promise<void>;
  /** Told how the last write went: nothing when it worked. */
  readonly wrote: (fault?: DistswarmError) => void;
  /** Told once, when the next ingest of this digest may begin. */
  readonly released: () => void;
}

/**
 * An ingest into `partial/<digest>`. Bytes are gathered in memory before they are written, and readable from there at
 * once; so a failed write loses none, and small blobs touch the disk only at their commit.
 */
export class FileIngest implements Ingest {
  readonly digest: Digest;
  readonly size: number;
  readonly #components: IngestComponents;
  /** `partial/<digest>`, once there are bytes in it. */
  #file: OpenFile | undefined;
  #hash: BlobHash | ThreadedHash;
  #result: Promise<BlobSums> | undefined;
  readonly #behind: WriteBehind;
  readonly #durable = new SyncAhead();
  /** Whether `partial/<digest>` is ours: until the commit, or until the ingest was detached. */
  #named = true;
  #released = false;
  #closing: Promise<void> | undefined;

  private constructor(components: IngestComponents, blob: { digest: Digest; size: number }) {
    this.#components = components;
    this.digest = blob.digest;
    this.size = blob.size;
    this.#hash = this.#newHash();
    this.#behind = new WriteBehind((bytes, position) => this.#append(bytes, position), blob);
  }

  /**
   * Begins an ingest, resuming the partial that an earlier one left: what is there is read and hashed, unless it is longer
   * than the blob can be, or cannot be read.
   *
   * @throws {DistswarmError} `STORE_FULL`, `STORE_UNUSABLE`.
   */
  static async open(components: IngestComponents, blob: { digest: Digest; size: number }): Promise<FileIngest> {
    const ingest = new FileIngest(components, blob);
    try {
      await ingest.#resume().catch((error: unknown) => ingest.#beginAnew(error));
      return ingest;
    } catch (error) {
      ingest.#hash.close();
      ingest.#file?.close();
      throw fault(components, error, components.dirs.paths.partial(blob.digest));
    }
  }

  get received(): number {
    return this.#behind.taken;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.received + chunk.length > this.size) {
      throw new SourceError("BAD_LENGTH", `more than the ${this.size} bytes that the Manifest names`);
    }
    await this.#behind.add(chunk);
    await this.#count(chunk);
  }

  async read(position: number, length: number, into?: Buffer): Promise<Buffer> {
    const inMemory = this.#behind.read(position, length, into);
    if (inMemory !== undefined) return inMemory;
    const present = Math.min(length, READ_BYTES, this.#behind.written - position);
    const buffer = into?.subarray(0, present) ?? Buffer.allocUnsafeSlow(present);
    const { bytesRead } = await this.#file!.read(buffer, 0, buffer.length, position);
    return buffer.subarray(0, bytesRead);
  }

  async verify(): Promise<boolean> {
    if (this.received < this.size) return false;
    this.#result ??= this.#finish();
    return (await this.#result).digest === this.digest;
  }

  async commit(): Promise<void> {
    if (!(await this.verify())) {
      throw new DistswarmError("DIGEST_MISMATCH", `the bytes received are not blob ${this.digest}`);
    }
    await this.#behind.flush();
    await this.#components.commit((await this.#result!).sums, () => this.#guard(() => this.#place()));
    this.#release(); // readers may stay for long; the next ingest has nothing to do with them
  }

  async restart(): Promise<void> {
    await this.#behind.clear();
    this.#hash.close();
    this.#hash = this.#newHash();
    this.#result = undefined;
    await this.#guard(async () => this.#file?.empty());
  }

  async detach(): Promise<void> {
    if (this.#named) await this.#discard();
    this.#release();
  }

  close(options: { keep: boolean }): Promise<void> {
    this.#closing ??= this.#close(options.keep && this.received > 0);
    return this.#closing;
  }

  async #close(keep: boolean): Promise<void> {
    try {
      if (this.#named && keep) await this.#behind.flush().catch(() => {}); // the store was told; the next ingest has less
      if (this.#named && !keep) await this.#discard();
    } finally {
      await this.#behind.close();
      this.#hash.close();
      this.#file?.close();
      this.#release();
    }
  }

  /** Removes the partial; where the disk does not let us, the next ingest resumes or restarts it. */
  async #discard(): Promise<void> {
    this.#named = false;
    await this.#behind.idle(); // the first write makes the file
    await rm(this.#components.dirs.paths.partial(this.digest), { force: true }).catch(() => {});
  }

  #release(): void {
    if (!this.#released) this.#components.released();
    this.#released = true;
  }

  /** Where there is no thread to be had, a large blob is hashed on the spot, too. */
  #newHash(): BlobHash | ThreadedHash {
    if (this.size < THREAD_FROM_BYTES) return new BlobHash();
    try {
      return new ThreadedHash(this.#components.hashThread);
    } catch (error) {
      this.#components.wrote(error as DistswarmError);
      return new BlobHash();
    }
  }

  /** Adds to the hash the last of the bytes received. */
  async #count(bytes: Uint8Array): Promise<void> {
    try {
      await this.#hash.update(bytes);
    } catch (error) {
      await this.#hashAgain(error);
    }
  }

  async #finish(): Promise<BlobSums> {
    try {
      return await this.#hash.finish();
    } catch (error) {
      await this.#hashAgain(error);
      return this.#hash.finish();
    }
  }

  /** The thread that hashed has died: all bytes are hashed once more, on the spot. */
  async #hashAgain(cause: unknown): Promise<void> {
    this.#components.wrote(cause as DistswarmError);
    this.#hash = new BlobHash();
    for (let position = 0; position < this.received;) {
      const bytes = await this.read(position, READ_BYTES);
      if (bytes.length === 0) throw fault(this.#components, cause, this.#components.dirs.paths.partial(this.digest));
      this.#hash.update(bytes);
      position += bytes.length;
    }
  }

  async #resume(): Promise<void> {
    this.#file = openPresent(this.#components.dirs.paths.partial(this.digest));
    if (this.#file === undefined) return;
    const { size } = this.#file.stat();
    if (size > this.size) await this.#file.empty();
    const present = size > this.size ? 0 : size;
    const buffer = Buffer.allocUnsafeSlow(Math.min(present, READ_BYTES));
    while (this.received < present) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.received);
      if (bytesRead === 0) return;
      this.#behind.found(bytesRead);
      await this.#count(buffer.subarray(0, bytesRead));
    }
  }

  /** Without the partial that cannot be resumed. */
  async #beginAnew(fault: unknown): Promise<void> {
    if (!UNREADABLE_CODES.includes(systemCode(fault) ?? "")) throw fault;
    this.#file?.close();
    this.#file = undefined;
    await rm(this.#components.dirs.paths.partial(this.digest), { force: true });
    await this.restart();
  }

  async #append(bytes: Uint8Array, position: number): Promise<void> {
    await this.#guard(async () => {
      const file = await this.#opened();
      await file.write(bytes, position);
      this.#durable.wrote(file, bytes.length);
    });
  }

  /** The partial; made now, with the store's directories where somebody deleted them. */
  async #opened(): Promise<OpenFile> {
    const { dirs } = this.#components;
    const path = dirs.paths.partial(this.digest);
    this.#file ??= await dirs.with(() => OpenFile.create(path, FILE_MODE));
    return this.#file;
  }

  /** The discipline of a commit: bytes durable, mode set, name in place, name durable; else it is a partial as before. */
  async #place(): Promise<void> {
    const file = await this.#opened();
    file.chmod(FILE_MODE);
    await this.#durable.finish(file);
    await placeBlob(this.#components.dirs, this.digest);
    this.#named = false;
  }

  async #guard(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw fault(this.#components, error, this.#components.dirs.paths.partial(this.digest));
    }
    this.#components.wrote();
  }
}

function fault(components: IngestComponents, error: unknown, path: string): DistswarmError {
  const told = writeFault(error, path);
  components.wrote(told);
  return told;
}

/** The partial that an earlier ingest left; undefined when there is none. */
function openPresent(path: string): OpenFile | undefined {
  try {
    // Most have none, and an error costs more than a look.
    return existsSync(path) ? OpenFile.open(path, "resume") : undefined;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
