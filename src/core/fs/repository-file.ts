import { realpath } from "node:fs/promises";
import { basename } from "node:path";
import { systemCode } from "../errors.ts";
import { READ_FLAGS, readRegular } from "./regular-file.ts";

/** Bytes; the largest real Manifests have 2 MB. */
const MAX_BYTES = 16 * 2 ** 20;

/**
 * Reads a text file of an ebuild repository, which anybody may have written: an overlay is a stranger's. A symlink counts
 * where it leads to a file of the same name, as where an overlay links to what another repository has: any other could have
 * the agent read out its own secrets, as lines that it does not understand.
 *
 * @throws system errors; an error without a code for what is no regular file, such a symlink, or has more than `maxBytes`.
 */
export async function readRepositoryFile(path: string, maxBytes = MAX_BYTES): Promise<string> {
  try {
    return await read(path, maxBytes);
  } catch (error) {
    if (systemCode(error) !== "ELOOP") throw error;
  }
  const target = await realpath(path);
  if (basename(target) !== basename(path)) throw new Error("it is a symlink to a file of another name");
  return read(target, maxBytes);
}

async function read(path: string, maxBytes: number): Promise<string> {
  return (await readRegular(path, { maxBytes, flags: READ_FLAGS })).toString();
}
