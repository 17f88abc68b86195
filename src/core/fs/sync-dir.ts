import { closeSync, constants, openSync } from "node:fs";
import { systemCode } from "../errors.ts";
import { syncInTurn } from "./sync-turns.ts";

/**
 * Makes the names in a directory durable: fsync(2) of the directory itself, where its file system has that. Else a power cut
 * takes back what was made, renamed or removed in it, for up to half a minute. Throws system errors.
 */
export async function syncDir(path: string): Promise<void> {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await syncInTurn(directory, { first: true });
  } catch (error) {
    if (systemCode(error) !== "EINVAL") throw error;
  } finally {
    closeSync(directory);
  }
}
