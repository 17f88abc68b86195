import { randomInt } from "node:crypto";
import type { Digest } from "../core/digest.ts";

/** A digest is known to the swarm by its first 16 bytes: two blobs that share them are not found by chance. */
export const PREFIX_BYTES = 16;

const WORDS = PREFIX_BYTES / 4;
const MIN_CAPACITY = 16;
/** Slots in use, of all, before the table doubles; a probe stays short below it. */
const MAX_LOAD = 0.75;

/** The prefix by which the swarm knows a digest. */
export function prefixOf(digest: Digest): Buffer {
  return Buffer.from(digest.slice(0, 2 * PREFIX_BYTES), "hex");
}

/**
 * A set of digest prefixes: an open hash table in one typed array, 21 to 43 bytes an entry. Where an entry lies depends
 * on a number of the table's own, so that nobody can choose prefixes that all fall on one place.
 */
export class DigestSet {
  readonly #seed = randomInt(2 ** 31);
  #slots = new Uint32Array(MIN_CAPACITY * WORDS);
  #used = 0;
  /** A slot of zeros is a free one, so the prefix of zeros has a place of its own. */
  #hasZero = false;

  /** Prefixes in it. */
  get size(): number {
    return this.#used + Number(this.#hasZero);
  }

  /** Bytes of memory it takes. */
  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** Whether it holds the prefix that lies at `at`. */
  has(bytes: Buffer, at = 0): boolean {
    const words = wordsOf(bytes, at);
    return isZero(words, 0) ? this.#hasZero : !this.#isFree(this.#find(words, 0));
  }

  /** Adds the prefix that lies at `at`; false when it was there. */
  add(bytes: Buffer, at = 0): boolean {
    const words = wordsOf(bytes, at);
    if (isZero(words, 0)) return this.#setZero(true);
    const slot = this.#find(words, 0);
    if (!this.#isFree(slot)) return false;
    this.#slots.set(words, slot * WORDS);
    this.#used += 1;
    if (this.#used > MAX_LOAD * this.#capacity) this.#grow();
    return true;
  }

  /** Removes the prefix that lies at `at`; false when it was not there. */
  delete(bytes: Buffer, at = 0): boolean {
    const words = wordsOf(bytes, at);
    if (isZero(words, 0)) return this.#setZero(false);
    const slot = this.#find(words, 0);
    if (this.#isFree(slot)) return false;
    this.#used -= 1;
    this.#close(slot);
    return true;
  }

  /** All prefixes, one after the other, in no order. */
  toBuffer(): Buffer {
    const all = new Uint32Array(this.size * WORDS); // a prefix of zeros comes last, as it is
    let at = 0;
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      if (this.#isFree(slot)) continue;
      all.set(this.#words(slot), at);
      at += WORDS;
    }
    return Buffer.from(all.buffer);
  }

  get #capacity(): number {
    return this.#slots.length / WORDS;
  }

  #setZero(present: boolean): boolean {
    const changed = this.#hasZero !== present;
    this.#hasZero = present;
    return changed;
  }

  #words(slot: number): Uint32Array {
    return this.#slots.subarray(slot * WORDS, (slot + 1) * WORDS);
  }

  #isFree(slot: number): boolean {
    return isZero(this.#slots, slot * WORDS);
  }

  /** The slot where `words[at…]` lies, or the free one where it belongs. */
  #find(words: Uint32Array, at: number): number {
    let slot = this.#home(words, at);
    while (!this.#isFree(slot) && !this.#holds(slot, words, at)) slot = (slot + 1) & (this.#capacity - 1);
    return slot;
  }

  #holds(slot: number, words: Uint32Array, at: number): boolean {
    const base = slot * WORDS;
    for (let word = 0; word < WORDS; word += 1) if (this.#slots[base + word] !== words[at + word]) return false;
    return true;
  }

  /** The slot where a prefix would lie in an empty table (the mixing step of MurmurHash3). */
  #home(words: Uint32Array, at: number): number {
    let hash = this.#seed;
    for (let word = 0; word < WORDS; word += 1) {
      hash = Math.imul(hash ^ words[at + word]!, 0x85ebca6b);
      hash ^= hash >>> 13;
      hash = Math.imul(hash, 0xc2b2ae35);
      hash ^= hash >>> 16;
    }
    return hash & (this.#capacity - 1);
  }

  /** Frees a slot and moves up those behind it that would no longer be found (Knuth, TAOCP 6.4, algorithm R). */
  #close(slot: number): void {
    const mask = this.#capacity - 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; !this.#isFree(next); next = (next + 1) & mask) {
      const home = this.#home(this.#slots, next * WORDS);
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.#slots.copyWithin(hole * WORDS, next * WORDS, (next + 1) * WORDS);
      hole = next;
    }
    this.#words(hole).fill(0);
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      if (isZero(old, at)) continue;
      this.#slots.set(old.subarray(at, at + WORDS), this.#find(old, at) * WORDS);
    }
  }
}

/** One place for all look-ups, since a miss asks the set of every peer. */
const SCRATCH = new Uint32Array(WORDS);
const SCRATCH_BYTES = Buffer.from(SCRATCH.buffer);

function wordsOf(bytes: Buffer, at: number): Uint32Array {
  bytes.copy(SCRATCH_BYTES, 0, at, at + PREFIX_BYTES);
  return SCRATCH;
}

function isZero(words: Uint32Array, at: number): boolean {
  return (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0;
}
