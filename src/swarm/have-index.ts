import { DigestSet, PREFIX_BYTES } from "./digest-set.ts";

/** Haves of all peers together; at up to 43 bytes each they stay below 128 MiB. */
const MAX_HAVES = 3_000_000;

/** Who holds what, as the peers say, by digest prefix. Everything is answered from memory. */
export class HaveIndex {
  readonly #maxHaves: number;
  readonly #peers = new Map<string, DigestSet>();
  readonly #hidden = new Set<string>();
  #total = 0;

  /** `maxHaves`: haves of all peers together, @default 3,000,000. */
  constructor({ maxHaves = MAX_HAVES }: { maxHaves?: number } = {}) {
    this.#maxHaves = maxHaves;
  }

  /** Haves known, over all peers. */
  get size(): number {
    return this.#total;
  }

  /** Bytes of memory the tables take. */
  get bytes(): number {
    return [...this.#peers.values()].reduce((sum, set) => sum + set.bytes, 0);
  }

  /** How many blobs a peer holds. */
  count(peer: string): number {
    return this.#peers.get(peer)?.size ?? 0;
  }

  /** The peers that hold `prefix`, in no order. */
  holders(prefix: Buffer): string[] {
    const holders: string[] = [];
    for (const [peer, set] of this.#peers) if (set.has(prefix) && !this.#hidden.has(peer)) holders.push(peer);
    return holders;
  }

  /** Adds prefixes that lie one after the other; false when there is no room for all of them. */
  add(peer: string, prefixes: Buffer): boolean {
    const set = this.#setOf(peer);
    for (let at = 0; at < prefixes.length; at += PREFIX_BYTES) {
      if (this.#total >= this.#maxHaves) return false;
      if (set.add(prefixes, at)) this.#total += 1;
    }
    return true;
  }

  /** Removes prefixes that lie one after the other. */
  remove(peer: string, prefixes: Buffer): void {
    const set = this.#peers.get(peer);
    if (set === undefined) return;
    for (let at = 0; at < prefixes.length; at += PREFIX_BYTES) {
      if (set.delete(prefixes, at)) this.#total -= 1;
    }
  }

  /** Names a peer no more, until it is shown again. */
  hide(peer: string): void {
    this.#hidden.add(peer);
  }

  /** Names a peer again. */
  show(peer: string): void {
    this.#hidden.delete(peer);
  }

  /** Forgets all that a peer holds. */
  drop(peer: string): void {
    this.#total -= this.count(peer);
    this.#hidden.delete(peer);
    this.#peers.delete(peer);
  }

  #setOf(peer: string): DigestSet {
    let set = this.#peers.get(peer);
    if (set === undefined) this.#peers.set(peer, (set = new DigestSet()));
    return set;
  }
}
