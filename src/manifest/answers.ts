import type { Digest } from "../core/digest.ts";
import type { Distfile, KnownDistfile } from "../core/distfile.ts";
import { packageAt, type Reference } from "./records.ts";

/** The distfiles that the lines with one name speak of: one for each digest, sorted by it. */
export function distfilesOf(references: readonly Reference[]): Distfile[] {
  const byDigest = new Map<Digest, Distfile>();
  for (const { name, size, digest } of references) {
    if (digest !== undefined && !byDigest.has(digest)) byDigest.set(digest, { name, size, digest });
  }
  return [...byDigest.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** What the lines with one digest say of it; undefined when there are none. */
export function knownDistfileOf(digest: Digest, references: readonly Reference[]): KnownDistfile | undefined {
  const [first] = references;
  if (first === undefined) return undefined;
  const names = new Set(references.map(({ name }) => name));
  const dirs = new Set(references.map(({ dir }) => dir));
  return { digest, size: first.size, names: [...names].sort(), packages: [...dirs].sort().map(packageAt) };
}
