import type { Digest } from "../core/digest.ts";
import type { Distfile, KnownDistfile } from "../core/distfile.ts";
import { packageAt, type Reference } from "./records.ts";

/** The distfiles that the lines with one name speak of: one for each digest, sorted by it. */
export function distfilesOf(references: readonly Reference[]): Distfile[] {
  const byDigest = new Map<Digest, Reference[]>();
  for (const reference of references) {
    const { digest } = reference;
    if (digest !== undefined) byDigest.set(digest, [...(byDigest.get(digest) ?? []), reference]);
  }
  const distfiles = [...byDigest].map(([digest, same]) => ({ name: same[0]!.name, size: sizeIn(same), digest }));
  return distfiles.sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** What the lines with one digest say of it; undefined when there are none. */
export function knownDistfileOf(digest: Digest, references: readonly Reference[]): KnownDistfile | undefined {
  if (references.length === 0) return undefined;
  const names = new Set(references.map(({ name }) => name));
  const dirs = new Set(references.map(({ dir }) => dir));
  return { digest, size: sizeIn(references), names: [...names].sort(), packages: [...dirs].sort().map(packageAt) };
}

/** The size that most lines with one digest name, of as many the first: bytes have one length, the others are mistaken. */
function sizeIn(references: readonly Reference[]): number {
  const votes = new Map<number, number>();
  for (const { size } of references) votes.set(size, (votes.get(size) ?? 0) + 1);
  const most = Math.max(...votes.values());
  return [...votes].find(([, count]) => count === most)![0];
}
