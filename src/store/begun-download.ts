import { constants, existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { statOf } from "./inventory.ts";

/** What Portage resumes; it fetches anew what has less bytes (`PORTAGE_FETCH_RESUME_MIN_SIZE`, make.globals: 350K). */
const RESUMED_FROM_BYTES = 350 * 1024;

/** Whether something is there that a download of `size` bytes might go on from. */
export function mayResume(path: string, size: number): boolean {
  return size > RESUMED_FROM_BYTES && existsSync(path);
}

/** A download that Portage has begun, and where its bytes are wanted. */
interface BegunDownload {
  /** The distfile in DISTDIR as Portage calls it while it fetches. */
  readonly from: string;
  /** The partial of the ingest. */
  readonly to: string;
  /** Bytes of the whole distfile. */
  readonly size: number;
}

/**
 * Copies what Portage has of a distfile to the partial that an ingest will resume, where that has less: who goes on with
 * a broken download then waits for the rest alone, as without an agent. Its digest is checked like that of any partial. What
 * cannot be read or copied is fetched.
 */
export async function adoptBegunDownload({ from, to, size }: BegunDownload): Promise<void> {
  try {
    const begun = await statOf(from);
    if (begun === undefined || !begun.isFile() || begun.size < RESUMED_FROM_BYTES || begun.size > size) return;
    if (begun.size > ((await statOf(to))?.size ?? 0)) await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch {
    // Only a saving is lost; where the disk is at fault the ingest itself finds out and tells.
  }
}
