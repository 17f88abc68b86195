import { constants, existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import type { IngestedBlob } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import { statOf } from "./inventory.ts";

/** What Portage resumes; it fetches anew what has less bytes (`PORTAGE_FETCH_RESUME_MIN_SIZE`, make.globals: 350K). */
const RESUMED_FROM_BYTES = 350 * 1024;

/** What aria2, axel and the `pget` of lftp keep beside a file that they fetch in several pieces at once. */
const NOTES_OF_PIECES = [".aria2", ".st", ".lftp-pget-status"];

/** Whether something is there that a download of `size` bytes might go on from. */
export function mayResume(path: string, size: number): boolean {
  return size > RESUMED_FROM_BYTES && existsSync(path);
}

/** Where begun downloads are, and the room for what they become. */
interface Adoption {
  readonly distdir: { begunDownloads(blob: IngestedBlob): readonly string[] } | undefined;
  readonly room: { makeFor(copy: { digest: Digest; size: number; received: number }): Promise<void> };
}

/**
 * Copies what Portage has of a distfile to the partial that an ingest will resume, where that has less: who goes on with
 * a broken download then waits for the rest alone, as without an agent. Its digest is checked like that of any partial. What
 * was fetched in pieces, cannot be read or copied, or has no room for all of the distfile, is fetched.
 *
 * @param to The partial of the ingest.
 */
export async function adoptBegunDownload({ distdir, room }: Adoption, blob: IngestedBlob, to: string): Promise<void> {
  const begun = distdir?.begunDownloads(blob) ?? [];
  if (begun.length === 0) return;
  const { digest, size } = blob;
  try {
    await room.makeFor({ digest, size, received: Math.min(size, (await statOf(to))?.size ?? 0) });
  } catch {
    return; // told when the ingest itself asks for room
  }
  for (const from of begun) await copyWhereMore(from, to, size);
}

async function copyWhereMore(from: string, to: string, size: number): Promise<void> {
  try {
    const begun = await statOf(from);
    if (begun === undefined || !begun.isFile() || begun.size < RESUMED_FROM_BYTES || begun.size > size) return;
    if (isInPieces(from)) return;
    if (begun.size > ((await statOf(to))?.size ?? 0)) await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch {
    // Only a saving is lost; where the disk is at fault the ingest itself finds out and tells.
  }
}

/** Whether bytes lack before its end, where `FETCHCOMMAND` is such a program. */
function isInPieces(path: string): boolean {
  return NOTES_OF_PIECES.some((ending) => existsSync(path + ending));
}
