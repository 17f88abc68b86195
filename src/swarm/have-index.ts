import { DigestSet, PREFIX_BYTES } from "./digest-set.ts";

/** Haves of all peers together; at up to 43 bytes each they stay below 128 MiB. */
const MAX_HAVES = 3_000_000;

/** Who holds what, as the peers say, by digest prefix. Everything is answered from memory. */
export class HaveIndex {
  readonly #maxHaves: number;
  readonly #peers = new Map<string, DigestSet>();
  readonly #hidden = new Set<string>();
  /** Peers of which not all haves are known, for want of room. */
  readonly #partial = new Set<string>();
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

  /** Adds prefixes that lie one after the other; where there is no room for all of them, the peer is known in part. */
  add(peer: string, prefixes: Buffer): void {
    const set = this.#setOf(peer);
    for (let at = 0; at < prefixes.length; at += PREFIX_BYTES) {
      if (this.#total >= this.#maxHaves && !this.#makeRoomFor(peer)) return void this.#partial.add(peer);
      if (set.add(prefixes, at)) this.#total += 1;
    }
  }

  /** Whether not all that a peer holds is known, for want of room: it has to tell all again. */
  isPartial(peer: string): boolean {
    return this.#partial.has(peer);
  }

  /** Whether half of the room is free, or kept for peers that are gone: then any peer's haves fit. */
  hasRoom(): boolean {
    const shown = [...this.#peers].filter(([peer]) => !this.#hidden.has(peer));
    return shown.reduce((sum, [, set]) => sum + set.size, 0) <= this.#maxHaves / 2;
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
    this.#partial.delete(peer);
    this.#peers.delete(peer);
  }

  /**
   * Gives up what a peer said that is gone, else what the one said that holds most, if that is more than `peer` does: a
   * few that claim a million blobs each must not blind this box for all others.
   */
  #makeRoomFor(peer: string): boolean {
    const others = [...this.#peers].filter(([other, set]) => other !== peer && set.size > 0);
    const gone = others.find(([other]) => this.#hidden.has(other));
    const most = others.toSorted(([, a], [, b]) => b.size - a.size)[0];
    const victim = gone ?? (most !== undefined && most[1].size > this.count(peer) ? most : undefined);
    if (victim === undefined) return false;
    const [id, { size }] = victim;
    this.#total -= size;
    this.#peers.set(id, new DigestSet());
    this.#partial.add(id);
    return true;
  }

  #setOf(peer: string): DigestSet {
    let set = this.#peers.get(peer);
    if (set === undefined) this.#peers.set(peer, (set = new DigestSet()));
    return set;
  }
}
