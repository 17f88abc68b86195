import type { SourceKind } from "../core/source.ts";

/** Where bytes of a growing copy came from; `earlier` is a partial of an earlier run, whose source is not known. */
export type Contributor = SourceKind | "earlier";

/** Up to which size, in bytes, unverified bytes of a source wait for the digest before any of them leaves. */
export interface VerifyFirst {
  readonly peer: number;
  readonly upstream: number;
}

/**
 * Whether bytes of this contributor may leave for a client before the digest of the whole is known: one wrong byte that
 * got out poisons Portage's every later try, so only files too large to wait for do (DESIGN.md, "When may a byte leave").
 */
export function mayStream(contributor: Contributor, size: number, verifyFirst: VerifyFirst): boolean {
  return size > (contributor === "upstream" ? verifyFirst.upstream : verifyFirst.peer);
}
