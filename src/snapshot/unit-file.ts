import { open, type FileHandle } from "node:fs/promises";
import { READ_FLAGS } from "../core/fs/regular-file.ts";
import { SnapshotRefused } from "./refusal.ts";

/**
 * Opens a file of a unit for reading, which others may have put into DISTDIR.
 *
 * @throws {SnapshotRefused} `NOT_A_FILE`; system errors, `ELOOP` for a symlink.
 */
export async function openUnitFile(path: string): Promise<FileHandle> {
  const handle = await open(path, READ_FLAGS);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new SnapshotRefused("NOT_A_FILE", `${path} is no regular file`);
}
