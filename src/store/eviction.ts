import type { Digest } from "../core/digest.ts";

/** A blob of the store, as eviction sees it. */
export interface EvictionCandidate {
  readonly digest: Digest;
  readonly size: number;
  /** Last use, milliseconds since 1970. */
  readonly used: number;
}

/** How things stand. All amounts in bytes. */
export interface EvictionState {
  /** All blobs, the least recently used first. */
  readonly blobs: Iterable<EvictionCandidate>;
  /** Those of which DISTDIR has a copy that we serve, in any order. */
  readonly doubles: Iterable<EvictionCandidate>;
  /** Held by blobs, and by ingests in flight once they are complete. */
  readonly held: number;
  /** Free on the file system. */
  readonly free: number;
  /** Of the ingests in flight, not on the disk yet. */
  readonly outstanding: number;
  readonly maxSize: number;
  readonly minFree: number;
  /** Being read or taken in. */
  readonly isPinned: (digest: Digest) => boolean;
  /** A fresh symlink in DISTDIR points at it (Portage is about to unpack it), or it is of a kept tree snapshot. */
  readonly isProtected: (digest: Digest) => boolean;
}

/** A blob that goes, and why, as a phrase. */
export interface Victim extends EvictionCandidate {
  readonly reason: string;
}

/** Who goes; `short` is how many bytes are still lacking after that (0: all is well). */
export interface EvictionPlan {
  readonly victims: readonly Victim[];
  readonly short: number;
}

/**
 * Chooses what to evict so that the store holds at most `maxSize` and leaves `minFree` on the file system: first what
 * DISTDIR also holds, then the least recently used, and no more than needed.
 */
export function planEviction(state: EvictionState): EvictionPlan {
  let lacking = Math.max(state.held - state.maxSize, state.outstanding + state.minFree - state.free, 0);
  const victims: Victim[] = [];
  if (lacking === 0) return { victims, short: 0 };
  for (const victim of inOrder(state)) {
    victims.push(victim);
    lacking -= victim.size;
    if (lacking <= 0) break;
  }
  return { victims, short: Math.max(lacking, 0) };
}

/** All that may go, first to go first; of the blobs no more are looked at than are taken. */
function* inOrder(state: EvictionState): IterableIterator<Victim> {
  const doubles = [...state.doubles].sort((a, b) => a.used - b.used);
  for (const blob of doubles) {
    if (mayGo(blob, state)) yield { ...blob, reason: "DISTDIR holds it too" };
  }
  const seen = new Set(doubles.map(({ digest }) => digest));
  for (const blob of state.blobs) {
    if (!seen.has(blob.digest) && mayGo(blob, state)) yield { ...blob, reason: leastUsed(blob.used) };
  }
}

function mayGo({ digest, size }: EvictionCandidate, { isPinned, isProtected }: EvictionState): boolean {
  return size > 0 && !isPinned(digest) && !isProtected(digest);
}

function leastUsed(used: number): string {
  return `least recently used, last on ${new Date(used).toISOString().slice(0, 10)}`;
}
