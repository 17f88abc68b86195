import { constants, open, type FileHandle } from "node:fs/promises";
import { SnapshotRefused } from "./refusal.ts";

/** Others write in DISTDIR: no symlink is followed, and a FIFO does not make the opening wait for who writes into it. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a file of a unit for reading.
 *
 * @throws {SnapshotRefused} `NOT_A_FILE`; system errors, `ELOOP` for a symlink.
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const handle = await open(path, FLAGS);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new SnapshotRefused("NOT_A_FILE", `${path} is no regular file`);
}
