import type { Digest } from "./digest.ts";
import type { Distfile, KnownDistfile } from "./distfile.ts";

/** name or digest -> distfile, from the Manifests on this box. */
export interface DistfileIndex {
  /** False until the first scan after the start has ended (a database from the last run is ready at once). */
  readonly ready: boolean;
  /**
   * The distfiles with this name, one for each digest; empty when no Manifest names it. More than one: the name alone
   * does not tell which is meant. Sorted by digest.
   */
  byName(name: string): Promise<Distfile[]>;
  /** Whether some Manifest names it without a BLAKE2B digest, so that it can only pass through. */
  isUndigested(name: string): Promise<boolean>;
  /** What the Manifests say of a digest. */
  byDigest(digest: Digest): Promise<KnownDistfile | undefined>;
  /** The digests that begin with these hex characters, two at most: enough to tell whether one is meant. */
  digestsFrom(start: string): Promise<Digest[]>;
  /**
   * Reads the Manifests that changed since the last scan, now; joins a scan under way. Resolves true if anything
   * changed. A caller that cannot wait aborts `signal`: the scan goes on, the promise resolves false.
   */
  catchUp(options?: { signal?: AbortSignal }): Promise<boolean>;
  /** For status. */
  counts(): { manifests: number; distfiles: number };
}

/** What the Manifests say of names: as much of the index as the store needs. */
export type DistfileNames = Pick<DistfileIndex, "byName" | "isUndigested">;
