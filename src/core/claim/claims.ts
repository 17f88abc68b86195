import type { Digest } from "../digest.ts";
import type { Want } from "../distfile.ts";
import type { SourceKind } from "../source.ts";

/** A blob as it is claimed. */
export type ClaimedBlob = Pick<Want, "digest" | "size">;

/** Another box's claim of a blob. */
export interface RivalClaim {
  /** Id of the box. */
  readonly id: string;
  /** For people: host name or id of the box. */
  readonly holder: string;
  /** Bytes of the blob that it had when it told last. */
  readonly received: number;
  /** Whether it has ended since without the blob, for every source of that box failed. */
  readonly hasFailed: boolean;
}

/** This box's claim of a blob, held. */
export interface HeldClaim {
  /** Aborts when another box turns out to be the one that asks upstream. */
  readonly lost: AbortSignal;
  /** That box; undefined before. */
  readonly winner: Pick<RivalClaim, "id" | "holder"> | undefined;
  /**
   * Tells the others that it goes on. Bytes so far, and who gave the last ones: what other boxes gave is no proof that
   * upstream gives.
   */
  progress(received: number, from: SourceKind): void;
  /** Ends it; `failed`: every source failed, so another box is to try. Safe to call twice. */
  release(outcome: { readonly failed: boolean }): void;
}

/** Which box of the LAN asks upstream for a blob, so that one does. */
export interface BlobClaims {
  /** The best claim of another box that counts now, from memory; undefined when there is none. */
  rival(want: ClaimedBlob): RivalClaim | undefined;
  /**
   * Claims a blob before upstream is asked for it; resolves when all other boxes have said that they know, at most 1 s
   * later, and at once without any. Undefined when another box has claimed it; lost by then when a better claim came.
   *
   * @param options.received bytes of it that are here.
   */
  claim(
    want: ClaimedBlob,
    options: { readonly received: number; readonly signal: AbortSignal },
  ): Promise<HeldClaim | undefined>;
  /** Resolves at the next news of a claim of this blob, or after `withinMs`. */
  news(digest: Digest, withinMs: number, signal: AbortSignal): Promise<void>;
  /** A box (by its id) was followed for long, and gave nothing: its claims count no more for a while. */
  wasVain(id: string): void;
  /** A box gave bytes of a blob that it is still receiving: nothing is held against it any more. */
  gave(id: string): void;
}
