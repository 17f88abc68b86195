import { chmod, chown, mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncDir } from "../core/fs/sync-dir.ts";

/** Of a file that is new. */
const NEW_FILE_MODE = 0o644;
/** Of the copy while it is written: a make.conf may hold a proxy's password. */
const COPY_MODE = 0o600;

/** Gives a file other content in one step, durably; its owner and permissions stay, and a symlink stays one. */
export async function writeWhole(path: string, content: Buffer): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const before = await stat(target).catch(() => undefined);
  const temporary = join(dirname(target), `.${basename(target)}.distswarm`);
  try {
    await writeCopy(temporary, content);
    if (before !== undefined) await chown(temporary, before.uid, before.gid);
    await chmod(temporary, before === undefined ? NEW_FILE_MODE : before.mode & 0o7777);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncDir(dirname(target));
}

async function writeCopy(path: string, content: Buffer): Promise<void> {
  const file = await open(path, "w", COPY_MODE);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a directory with those above it; returns the ones that were not there, outermost first. */
export async function makeParents(dir: string): Promise<string[]> {
  const first = await mkdir(dir, { recursive: true });
  if (first === undefined) return [];
  const made = [dir];
  while (made[0] !== first) made.unshift(dirname(made[0]!));
  return made;
}
