import type { Digest } from "../core/digest.ts";
import { prefixOf } from "./digest-set.ts";
import { HaveIndex } from "./have-index.ts";
import { PeerHaves } from "./peer-haves.ts";

/** What all peers hold. It outlives their sessions: a peer that was gone for a moment need tell only what changed. */
export class HavesOfPeers {
  readonly #index = new HaveIndex();
  readonly #peers = new Map<string, PeerHaves>();

  /** Blobs that peers hold, over all peers. */
  get size(): number {
    return this.#index.size;
  }

  /** How many blobs a peer holds. */
  count(id: string): number {
    return this.#index.count(id);
  }

  /** See {@link HaveIndex.isPartial}. */
  isPartial(id: string): boolean {
    return this.#index.isPartial(id);
  }

  /** See {@link HaveIndex.hasRoom}. */
  hasRoom(): boolean {
    return this.#index.hasRoom();
  }

  /** Ids of the peers that hold a blob. */
  holders(digest: Digest): string[] {
    return this.#index.holders(prefixOf(digest));
  }

  /** Whether a peer in session holds a blob. */
  has(id: string, digest: Digest): boolean {
    return this.holders(digest).includes(id);
  }

  /** A peer does not have a blob after all. */
  disown(id: string, digest: Digest): void {
    this.#index.remove(id, prefixOf(digest));
  }

  /** How far those of a box are known; of one that has not proved the network key yet nothing is remembered. */
  of(id: string): PeerHaves {
    return this.#peers.get(id) ?? new PeerHaves(this.#index, id);
  }

  /** The box is a member: its haves are remembered from now on. */
  joined(id: string, haves: PeerHaves): void {
    this.#peers.set(id, haves);
  }

  /**
   * A peer left. Nobody is sent to it, but what it said is kept for as long
   * as it `isMember`; it may be back in a moment.
   */
  left(id: string, isMember: (id: string) => boolean): void {
    this.#peers.get(id)?.onEnd();
    for (const [other, haves] of this.#peers) {
      if (isMember(other)) continue;
      haves.forget();
      this.#peers.delete(other);
    }
  }

  /** Forgets all. */
  forget(): void {
    for (const haves of this.#peers.values()) haves.forget();
    this.#peers.clear();
  }
}
