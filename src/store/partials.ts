import { rm } from "node:fs/promises";
import { type Digest, isDigest } from "../core/digest.ts";
import { readFault } from "./disk.ts";
import { entries, statOf } from "./inventory.ts";
import type { StorePaths } from "./layout.ts";

/** How long the bytes of a broken retrieval wait to be resumed, in milliseconds: 7 days. */
const PARTIAL_TTL_MS = 7 * 24 * 3_600_000;

/** A leftover in `partial/` that nobody came back for. */
export interface StalePartial {
  readonly digest: Digest;
  readonly path: string;
  readonly size: number;
}

/**
 * The partials that were last written more than 7 days before `now`, without those in flight.
 *
 * @throws {DistswarmError} `STORE_UNUSABLE` when `partial/` cannot be looked through.
 */
export async function findStalePartials(
  paths: StorePaths,
  isInFlight: (digest: Digest) => boolean,
  now: number,
): Promise<StalePartial[]> {
  const stale: StalePartial[] = [];
  try {
    for (const { name } of await entries(paths.partials)) {
      if (!isDigest(name) || isInFlight(name)) continue;
      const path = paths.partial(name);
      const stat = await statOf(path);
      if (stat !== undefined && stat.mtimeMs < now - PARTIAL_TTL_MS)
        stale.push({ digest: name, path, size: stat.size });
    }
  } catch (error) {
    throw readFault(error, paths.partials);
  }
  return stale;
}

/** Removes a leftover. */
export async function removePartial(partial: StalePartial): Promise<void> {
  await rm(partial.path, { force: true });
}
