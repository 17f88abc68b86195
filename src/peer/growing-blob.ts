import type { OpenBlob } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";

/** A blob that this box is still receiving, opened for a peer. */
export interface GrowingBlob {
  readonly size: number;
  /** Bytes present now, counted from 0. */
  readonly received: number;
  /** Its bytes come from no other box: from upstream, or they are about to. */
  readonly isRoot: boolean;
  /** Up to `length` bytes from `position`, as far as they are present, put `into` a buffer of the caller. */
  read(position: number, length: number, into?: Buffer): Promise<Buffer>;
  /**
   * Resolves when more than `position` bytes are present. Rejects when no more will come, when the bytes given so far were
   * dropped as wrong, or with the signal's reason.
   */
  grown(position: number, signal: AbortSignal): Promise<void>;
  /** Lets go of it; safe to call twice. */
  close(): void;
}

/** What the data plane may give to peers. */
export interface BlobShelf {
  /** A whole blob; undefined when it is not here. */
  open(digest: Digest): Promise<OpenBlob | undefined>;
  /** A blob that is on its way here; undefined when none is. */
  openGrowing(digest: Digest): GrowingBlob | undefined;
}
