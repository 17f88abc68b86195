import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DistswarmError, messageOf, systemCode } from "../errors.ts";
import { ownUser } from "./own-user.ts";

/** Mode of `state_dir` where it is made: the service's group may get at the status socket in it. */
const STATE_DIR_MODE = 0o750;

/**
 * Makes a directory and the parents that it lacks; harmless where it is there. Throws system errors. Node's own
 * `recursive` tries without end, deaf to signals, where a file system answers ENOENT to every mkdir, as /proc does.
 *
 * @param mode of each directory that is made, less the umask.
 */
export async function makeDirs(path: string, mode = 0o777): Promise<void> {
  try {
    await makeOne(path, mode);
  } catch (error) {
    if (systemCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirs(dirname(path), mode);
    await makeOne(path, mode);
  }
}

/**
 * Makes the agent's `state_dir`; harmless where it is there.
 *
 * @throws {DistswarmError} `STORE_UNUSABLE`, with the mend.
 */
export async function makeStateDir(dir: string): Promise<void> {
  try {
    await makeDirs(dir, STATE_DIR_MODE);
  } catch (error) {
    const reason = systemCode(error) ?? messageOf(error);
    const mend = `name a directory that the user ${ownUser()} can write`;
    throw new DistswarmError("STORE_UNUSABLE", `cannot make state_dir ${dir} (${reason}): ${mend}`, { cause: error });
  }
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (systemCode(error) !== "EEXIST" || !(await isDirectory(path))) throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory();
}
