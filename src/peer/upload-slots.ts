import type { Digest } from "../core/digest.ts";

/** A blob smaller than this is given to all who ask: a chain would cost more than it spares. */
const SPREAD_FROM_BYTES = 8 * 2 ** 20;
/** A reader that takes nothing for so long is gone or might as well be. */
const GONE_MS = 2000;
/** Uploads at once, to all peers and to one. */
const MAX_UPLOADS = 128;
const MAX_UPLOADS_OF_PEER = 16;

/** One upload under way. */
export interface Upload {
  readonly peer: string;
  readonly digest: Digest;
  /** Since when its peer has not taken what it was sent, by `performance.now()`; undefined when nothing waits for it. */
  blockedSince?: number | undefined;
}

/** Who asks for what. */
export interface UploadRequest {
  readonly peer: string;
  readonly digest: Digest;
  readonly size: number;
  /** Boxes that the asker has tried in vain. */
  readonly tried: readonly string[];
}

/** The answer: go on, or come back later, and whom to ask meanwhile. */
type Admission = { readonly upload: Upload } | { readonly receiving: readonly string[] };

/**
 * Who may read what at the same time. A large blob, whole or growing, is given to one reader at a time, and others are
 * sent to those who are receiving it: so it spreads as a chain of growing copies instead of dividing this box's line.
 * Another reader is let in that has tried all present ones in vain; those that take nothing are not counted. (That the
 * present ones keep up with a growing copy proves no room on the line: it may be the line that both come over.)
 */
export class UploadSlots {
  readonly #uploads = new Set<Upload>();

  /** Uploads under way. */
  get size(): number {
    return this.#uploads.size;
  }

  /** Lets a reader in, or sends it elsewhere. */
  admit(request: UploadRequest): Admission {
    const { peer, digest } = request;
    const others = [...this.#uploads].filter((upload) => upload.digest === digest && upload.peer !== peer);
    const readers = others.filter((upload) => !isGone(upload));
    if (this.#isFull(peer) || !mayJoin(request, readers)) {
      return { receiving: [...new Set(readers.map((reader) => reader.peer))] };
    }
    const upload: Upload = { peer, digest };
    this.#uploads.add(upload);
    return { upload };
  }

  /** The upload is over. */
  release(upload: Upload): void {
    this.#uploads.delete(upload);
  }

  /** Those who take nothing hold no place that others want; but a peer has no more than its own for that. */
  #isFull(peer: string): boolean {
    const all = [...this.#uploads];
    const own = all.filter((upload) => upload.peer === peer);
    return all.filter((upload) => !isGone(upload)).length >= MAX_UPLOADS || own.length >= MAX_UPLOADS_OF_PEER;
  }
}

function mayJoin({ size, tried }: UploadRequest, readers: readonly Upload[]): boolean {
  return size < SPREAD_FROM_BYTES || readers.every((reader) => tried.includes(reader.peer));
}

function isGone({ blockedSince }: Upload): boolean {
  return blockedSince !== undefined && performance.now() - blockedSince >= GONE_MS;
}
