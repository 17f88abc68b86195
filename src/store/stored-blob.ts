import type { BlobInfo, ByteRange, OpenBlob } from "../core/blob-store.ts";
import type { Loan } from "../core/data/buffer-pool.ts";
import type { Digest } from "../core/digest.ts";
import { DistswarmError } from "../core/errors.ts";
import type { OpenFile } from "./open-file.ts";
import type { ChunkSums } from "./chunk-sums.ts";
import { ChunkDamage, readChecked } from "./file-chunks.ts";
import type { LoadTurns } from "./load-turns.ts";

/** What an open blob uses, and whom it tells. */
interface StoredBlobComponents {
  readonly file: OpenFile;
  readonly turns: LoadTurns;
  /** Told what is wrong before the reader is; must not throw. */
  readonly damaged: (what: string) => Promise<void>;
  readonly closed?: () => void;
}

/** A blob that lies in a file with known chunk sums, in the store or in DISTDIR. */
export class StoredBlob implements OpenBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly where: BlobInfo["where"];
  readonly path: string;
  readonly #components: StoredBlobComponents;
  readonly #sums: ChunkSums;
  #closed = false;

  constructor(components: StoredBlobComponents, blob: BlobInfo & { sums: ChunkSums }) {
    this.#components = components;
    this.#sums = blob.sums;
    this.digest = blob.digest;
    this.size = blob.size;
    this.where = blob.where;
    this.path = blob.path;
  }

  async *read(range: ByteRange = { start: 0, end: this.size }, options: { lend?: Loan } = {}): AsyncGenerator<Buffer> {
    const { file: handle, turns } = this.#components;
    const file = { handle, size: this.size, sums: this.#sums, turns };
    try {
      yield* readChecked(file, range, options);
    } catch (error) {
      if (!(error instanceof ChunkDamage)) throw error;
      await this.#components.damaged(error.message);
      throw new DistswarmError("BLOB_DAMAGED", `${this.path}: ${error.message}; it is dropped, ask again`, {
        facts: { digest: this.digest, path: this.path },
      });
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#components.file.close();
    this.#components.closed?.();
  }
}
