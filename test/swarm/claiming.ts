import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { HeldClaim } from "../../src/core/claim/claims.ts";
import type { Digest } from "../../src/core/digest.ts";
import type { ClaimBox, ClaimLan } from "./claim-lan.ts";

/** What is claimed. */
export const BLOB = { digest: "ab".repeat(64) as Digest, size: 1000 };
/** As a tree snapshot on its way is claimed: its size is not known yet. */
const TARBALL = { ...BLOB, size: Infinity };

const never = new AbortController().signal;

/** The order in which claims win. */
export function byRank(boxes: readonly ClaimBox[]): ClaimBox[] {
  const rank = ({ id }: ClaimBox): string =>
    createHash("blake2b512").update(BLOB.digest).update(Buffer.from(id, "hex")).digest("hex");
  return boxes.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** A claim of {@link BLOB} by a box that has so many bytes of it. */
export function claimBlob(box: ClaimBox, received = 0): Promise<HeldClaim | undefined> {
  return box.claims.claim(BLOB, { received, signal: never });
}

/** What came of a claim of {@link TARBALL}: it is this box's, or that of another one, until that has ended. */
type Claim =
  | { readonly mine: true; readonly held: HeldClaim }
  | { readonly mine: false; readonly holder: string | undefined; ended(lookEveryMs?: number): Promise<void> };

/** A claim of {@link TARBALL}. */
export async function claim(box: ClaimBox, signal = never): Promise<Claim> {
  const held = await box.claims.claim(TARBALL, { received: 0, signal });
  if (held !== undefined && !held.lost.aborted) return { mine: true, held };
  const ended = async (lookEveryMs = 1): Promise<void> => {
    while (box.claims.rival(TARBALL) !== undefined) await box.claims.news(TARBALL.digest, lookEveryMs, never);
  };
  return { mine: false, holder: box.claims.rival(TARBALL)?.holder, ended };
}

/** A claim that is this box's. */
export function held(claim: Claim | undefined): HeldClaim {
  if (claim?.mine !== true) throw new Error("is not held");
  return claim.held;
}

/** Shows that a claim is granted at a time on the LAN's clock, in milliseconds, and not before. */
export async function expectGrantedAt(ms: number, claiming: Promise<Claim>, lan: ClaimLan): Promise<void> {
  await lan.run(ms - 1);
  expect(await lan.isSettled(claiming)).toBe(false);
  await lan.run(ms + 1);
  expect((await claiming).mine).toBe(true);
}
