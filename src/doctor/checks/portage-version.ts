import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ok, unchecked, warn, type Check } from "../check.ts";

/** The first Portage that asks for a file by its digest (layout content-hash, February 2021). */
const CONTENT_HASH_SINCE = [3, 0, 15];

/** Portage can put the digest in its requests. */
export const portageVersion: Check = {
  name: "Portage version",
  run: async ({ root }) => {
    const packages = await readdir(join(root, "/var/db/pkg/sys-apps")).catch(() => []);
    const version = packages.map((name) => /^portage-(\d.*)$/.exec(name)?.[1]).find(Boolean);
    if (version === undefined) return unchecked("no Portage is installed here");
    if (!isBefore(version, CONTENT_HASH_SINCE)) return ok(`${version} asks for files by their digest`);
    const seen = `${version} asks for files by their names: a file that two packages name alike is not served`;
    return warn(seen, `emerge --oneshot sys-apps/portage (${CONTENT_HASH_SINCE.join(".")} or newer)`);
  },
};

function isBefore(version: string, bound: readonly number[]): boolean {
  const parts = version.split(/[^0-9]+/).map(Number);
  const differs = bound.findIndex((number, index) => (parts[index] ?? 0) !== number);
  return differs !== -1 && (parts[differs] ?? 0) < bound[differs]!;
}
