import { join, relative } from "node:path";
import { configFiles } from "../portage/files.ts";

const OWN_FILE = "zz-distswarm.conf";
const OWN_NAME = /(^|-)distswarm\.conf$/;

/**
 * The file of our own in a directory of Portage's config. Portage reads such a directory sorted by name, and what is read
 * last counts, so the name is one that comes after all others that are there.
 */
export async function ownFile(dir: string): Promise<string> {
  const last = (await configFiles(dir)).at(-1);
  const name = last === undefined ? "" : relative(dir, last).split("/")[0]!;
  if (name <= OWN_FILE) return join(dir, OWN_FILE);
  return join(dir, OWN_NAME.test(name) ? name : `${name}-distswarm.conf`);
}
