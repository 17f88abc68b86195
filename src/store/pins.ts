import type { Digest } from "../core/digest.ts";

/** Blobs that are kept from eviction: open for reading, or held. */
export class Pins {
  readonly #counts = new Map<Digest, number>();

  has(digest: Digest): boolean {
    return this.#counts.has(digest);
  }

  /** Keeps a blob until the returned function is called, once. */
  hold(digest: Digest): () => void {
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
    return () => {
      const left = this.#counts.get(digest)! - 1;
      if (left > 0) this.#counts.set(digest, left);
      else this.#counts.delete(digest);
    };
  }
}
