import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The user id of `nobody`. */
const NOBODY = 65534;

const isRoot = process.getuid?.() === 0;

/** Does `work` without root's right to read and write everything; whoever is not root just does it. */
export async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
  if (!isRoot) return work();
  process.seteuid!(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}

/** Gives a directory, with all that is in it, to the user whom {@link unprivileged} becomes. */
export async function giveAway(dir: string): Promise<void> {
  if (isRoot) await promisify(execFile)("chown", ["-R", String(NOBODY), dir]);
}
