import type { Attempt } from "./attempt.ts";
import type { ClaimEvent } from "../claim/claim-event.ts";
import type { Digest } from "../digest.ts";
import type { SourceKind } from "../source.ts";
import type { TransferStatus } from "./transfer-status.ts";

/** What `explain` says of one file. */
export interface ExplainedFile {
  readonly digest: Digest;
  readonly size: number;
  readonly names: readonly string[];
  readonly packages: readonly string[];
  /** Where it lies on this box; absent when it is not here. */
  readonly here?: { readonly where: "store" | "distdir"; readonly path: string };
  readonly transfer?: TransferStatus;
  /** The sources in the order in which they would be asked now. */
  readonly sources: readonly { readonly kind: SourceKind; readonly source: string }[];
  /** For so many seconds more it is answered with 'nobody has it', without asking; absent when it is not. */
  readonly missed_for_seconds?: number;
  /** Repositories of its packages whose SRC_URI is not known, for they have no md5-cache; absent when there is none. */
  readonly without_src_uri?: readonly string[];
  /** Who of what its ebuilds name would not be asked, and why, a clause each; absent when nobody is left out. */
  readonly withheld?: readonly string[];
  /** What was tried last time, oldest first; empty when it was not retrieved since the start. */
  readonly attempts: readonly Attempt[];
  /** What happened meanwhile between the boxes that wanted it, oldest first. */
  readonly claims: readonly ClaimEvent[];
  /** Why upstream was, or would be, used; or why not. One sentence. */
  readonly why: string;
}

/** What `explain` says of a name, URL or digest. */
export interface Explanation {
  readonly asked: string;
  readonly kind: "digest" | "url" | "name";
  /** How it was understood, one sentence. */
  readonly meaning: string;
  /** Empty: nothing known; several: one name, several digests. */
  readonly files: readonly ExplainedFile[];
}
