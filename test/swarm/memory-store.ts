import type { BlobStore, Ingest, IngestedBlob } from "../../src/core/blob-store.ts";
import type { Digest } from "../../src/core/digest.ts";

/** What every byte of a right blob is here, and of a wrong one somewhere. */
export const RIGHT = 1;
export const WRONG = 0;

/**
 * A store in memory, as far as flights use one. Its digests are not looked
 * at: a blob is right when each of its bytes is.
 */
export class MemoryStore {
  readonly #blobs = new Map<Digest, Buffer>();
  readonly #partials = new Map<Digest, Buffer>();

  /** What flights are given. */
  get forFlights(): BlobStore {
    const store: Pick<BlobStore, "ingest"> = { ingest: async (blob) => this.#ingest(blob) };
    return store as BlobStore;
  }

  /** The bytes of a blob; undefined when it is not here. */
  bytesOf(digest: Digest): Buffer | undefined {
    return this.#blobs.get(digest);
  }

  #ingest({ digest, size }: IngestedBlob): Ingest {
    let bytes = this.#partials.get(digest) ?? Buffer.alloc(0);
    const isRight = (): boolean => bytes.length === size && bytes.every((byte) => byte === RIGHT);
    return {
      digest,
      size,
      get received() {
        return bytes.length;
      },
      write: async (chunk) => void (bytes = Buffer.concat([bytes, chunk])),
      read: async (position, length) => Buffer.from(bytes.subarray(position, position + length)),
      verify: async () => isRight(),
      commit: async () => void this.#blobs.set(digest, bytes),
      restart: async () => void (bytes = Buffer.alloc(0)),
      detach: async () => {},
      close: async ({ keep }) => void (keep ? this.#partials.set(digest, bytes) : this.#partials.delete(digest)),
    };
  }
}
