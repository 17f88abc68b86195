import type { Digest } from "../core/digest.ts";
import { RuleBroken } from "./messages.ts";

/** Claims that one peer may hold at once. */
const MAX_CLAIMS_OF_PEER = 4096;

/** Who is fetching what, as the peers say, and what this box is fetching itself. */
export class Claims {
  readonly #own = new Set<Digest>();
  readonly #peers = new Map<string, Set<string>>();

  /** What this box is fetching. */
  own(): readonly Digest[] {
    return [...this.#own];
  }

  /** Notes whether this box is fetching a blob; false when that was known. */
  setOwn(digest: Digest, on: boolean): boolean {
    if (this.#own.has(digest) === on) return false;
    if (on) this.#own.add(digest);
    else this.#own.delete(digest);
    return true;
  }

  /** Notes whether a peer is fetching a blob. @throws {RuleBroken} when it claims too much. */
  set(peer: string, digest: string, on: boolean): void {
    const claims = this.#peers.get(peer) ?? new Set();
    if (!on) return void claims.delete(digest);
    if (claims.size >= MAX_CLAIMS_OF_PEER) throw new RuleBroken(`claims more than ${MAX_CLAIMS_OF_PEER} blobs`);
    this.#peers.set(peer, claims.add(digest));
  }

  /** The peers that are fetching a blob, in no order. */
  claimants(digest: Digest): string[] {
    return [...this.#peers].filter(([, claims]) => claims.has(digest)).map(([peer]) => peer);
  }

  /** Forgets what a peer is fetching. */
  drop(peer: string): void {
    this.#peers.delete(peer);
  }
}
