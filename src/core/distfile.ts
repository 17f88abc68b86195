import type { Digest } from "./digest.ts";

/** One Manifest `DIST` line: a name, its size in bytes and its BLAKE2B digest. */
export interface Distfile {
  readonly name: string;
  readonly size: number;
  readonly digest: Digest;
}

/** A package whose Manifest names a distfile. */
export interface PackageRef {
  /** The directory of the ebuild repository, absolute. */
  readonly repo: string;
  /** `category/name`. */
  readonly package: string;
}

/** All that the Manifests on this box say of one digest. */
export interface KnownDistfile {
  readonly digest: Digest;
  readonly size: number;
  /** Every name it goes by, at least one, sorted. */
  readonly names: readonly string[];
  /** Every package that names it, at least one. */
  readonly packages: readonly PackageRef[];
}

/** What somebody wants retrieved: the known distfile and, where the client named some, the URLs. */
export interface Want {
  readonly digest: Digest;
  /** Bytes; infinite where that is not known, which only peers can be asked for. */
  readonly size: number;
  /** May be empty: asked for by digest alone, in no Manifest. */
  readonly names: readonly string[];
  readonly packages: readonly PackageRef[];
  /** The http(s) URLs that the client named, best first: sources of their own, after the mirrors. @default none */
  readonly urls?: readonly string[];
}

/** What to call a wanted blob before people: the name that was asked for, or the first one; without any its digest. */
export function nameOf({ names, digest }: Pick<Want, "names" | "digest">): string {
  return names[0] ?? digest;
}
