import type { OpenBlob } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import type { GrowingCopy } from "../core/growing-copy.ts";

/** A blob that this box is still receiving, opened for a peer. */
export type GrowingBlob = Pick<GrowingCopy, keyof GrowingCopy>;

/** What the data plane may give to peers. */
export interface BlobShelf {
  /** A whole blob; undefined when it is not here. */
  open(digest: Digest): Promise<OpenBlob | undefined>;
  /** A blob that is on its way here; undefined when none is. */
  openGrowing(digest: Digest): GrowingBlob | undefined;
}
