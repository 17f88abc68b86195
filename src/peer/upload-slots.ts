import type { Digest } from "../core/digest.ts";

/** A blob smaller than this is given to all who ask: a chain would cost more than it spares. */
const SPREAD_FROM_BYTES = 8 * 2 ** 20;
/** A reader that is at most so far behind the growing end has caught up: the source is the limit, not the line. */
const CAUGHT_UP_BYTES = 2 ** 20;
const MAX_UPLOADS = 128;
const MAX_UPLOADS_OF_PEER = 16;

/** One upload under way. */
export interface Upload {
  readonly peer: string;
  readonly digest: Digest;
  /** The next byte that the peer is sent. */
  position: number;
}

/** Who asks for what. */
export interface UploadRequest {
  readonly peer: string;
  readonly digest: Digest;
  readonly size: number;
  /** Bytes present; the size when the blob is whole. */
  readonly received: number;
  readonly start: number;
  /** Boxes that the asker has tried in vain. */
  readonly tried: readonly string[];
}

/** The answer: go on, or come back later, and whom to ask meanwhile. */
export type Admission = { readonly upload: Upload } | { readonly receiving: readonly string[] };

/**
 * Who may read what at the same time. A large blob, whole or growing, is given to one reader at a time, and others are
 * sent to those who are receiving it: so it spreads as a chain of growing copies instead of dividing this box's line.
 * Another reader of a growing copy is let in when all present ones have caught up with its end, and any reader that has
 * tried all present ones in vain.
 */
export class UploadSlots {
  readonly #uploads = new Set<Upload>();

  /** Uploads under way. */
  get size(): number {
    return this.#uploads.size;
  }

  /** Lets a reader in, or sends it elsewhere. */
  admit(request: UploadRequest): Admission {
    const { peer, digest, start } = request;
    const readers = [...this.#uploads].filter((upload) => upload.digest === digest && upload.peer !== peer);
    if (this.#isFull(peer) || !mayJoin(request, readers)) {
      return { receiving: [...new Set(readers.map((reader) => reader.peer))] };
    }
    const upload = { peer, digest, position: start };
    this.#uploads.add(upload);
    return { upload };
  }

  /** The upload is over. */
  release(upload: Upload): void {
    this.#uploads.delete(upload);
  }

  #isFull(peer: string): boolean {
    const own = [...this.#uploads].filter((upload) => upload.peer === peer);
    return this.#uploads.size >= MAX_UPLOADS || own.length >= MAX_UPLOADS_OF_PEER;
  }
}

function mayJoin({ size, received, tried }: UploadRequest, readers: readonly Upload[]): boolean {
  if (size < SPREAD_FROM_BYTES) return true;
  const inTheWay = readers.filter((reader) => !tried.includes(reader.peer));
  if (received === size) return inTheWay.length === 0;
  return inTheWay.every((reader) => received - reader.position <= CAUGHT_UP_BYTES);
}
