import { EventEmitter } from "node:events";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { BlobInfo, Ingest, OpenBlob, StoreEvents } from "../../../src/core/blob-store.ts";
import { DigestHash, type Digest } from "../../../src/core/digest.ts";
import { DistswarmError } from "../../../src/core/errors.ts";
import type { ShelfStore } from "../../../src/snapshot/shelf.ts";

/** A small true blob store: a file for each blob in one directory, committed by rename. */
export class DiskStore extends EventEmitter<StoreEvents> implements ShelfStore {
  readonly dir: string;
  /** Set to make every ingest fail, as a full disk does. */
  full = false;

  constructor(dir: string) {
    super();
    this.dir = dir;
  }

  /** The digests of all committed blobs, each held against its bytes by the caller where that matters. */
  digests(): Digest[] {
    if (!existsSync(this.dir)) return [];
    return readdirSync(this.dir).filter((name) => !name.endsWith(".partial")) as Digest[];
  }

  async find(digest: Digest): Promise<BlobInfo | undefined> {
    const path = join(this.dir, digest);
    if (!existsSync(path)) return undefined;
    return { digest, size: statSync(path).size, where: "store", path };
  }

  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const info = await this.find(digest);
    if (info === undefined) return undefined;
    const read: OpenBlob["read"] = (range) =>
      createReadStream(info.path, range && { start: range.start, end: range.end - 1 });
    return { ...info, read, close: async () => {} };
  }

  async ingest({ digest, size }: { digest: Digest; size: number }): Promise<Ingest> {
    if (this.full) throw new DistswarmError("STORE_FULL", "no room");
    await mkdir(this.dir, { recursive: true });
    const handle = await open(join(this.dir, `${digest}.partial`), "w+");
    const commit = async (): Promise<void> => {
      await handle.sync();
      await rename(join(this.dir, `${digest}.partial`), join(this.dir, digest));
      this.emit("added", (await this.find(digest))!);
    };
    return new DiskIngest({ digest, size }, handle, commit);
  }

  async makeRoom(): Promise<void> {
    if (this.full) throw new DistswarmError("STORE_FULL", "no room");
  }

  /** As eviction, damage or `remove` do: the blob is gone, and that is told. */
  async remove(digest: Digest): Promise<void> {
    if (!existsSync(join(this.dir, digest))) return;
    await rm(join(this.dir, digest));
    this.emit("removed", digest);
  }
}

class DiskIngest implements Ingest {
  readonly digest: Digest;
  readonly size: number;
  received = 0;
  readonly #handle: FileHandle;
  readonly #commit: () => Promise<void>;
  readonly #hash = new DigestHash();
  #verified: boolean | undefined;

  constructor(blob: { digest: Digest; size: number }, handle: FileHandle, commit: () => Promise<void>) {
    this.digest = blob.digest;
    this.size = blob.size;
    this.#handle = handle;
    this.#commit = commit;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    await this.#handle.write(chunk);
    this.received += chunk.length;
  }

  async read(position: number, length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  }

  async verify(): Promise<boolean> {
    this.#verified ??= this.#hash.digest() === this.digest;
    return this.#verified;
  }

  async commit(): Promise<void> {
    if (!(await this.verify())) throw new DistswarmError("DIGEST_MISMATCH", "other bytes");
    await this.#commit();
  }

  async restart(): Promise<void> {
    throw new Error("never needed: this store resumes nothing");
  }

  async detach(): Promise<void> {
    throw new Error("never needed: nobody reads what is taken in");
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
