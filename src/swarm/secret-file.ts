import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { link, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemCode } from "../core/errors.ts";
import { makeDirs } from "../core/fs/make-dirs.ts";
import { readRegular } from "../core/fs/regular-file.ts";
import { syncDir } from "../core/fs/sync-dir.ts";

/** Only the agent's own user reads a secret. */
const SECRET_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** What of a mode lets others in. */
const OTHERS = 0o077;
/** Random bytes, in hex, that end the name of a temporary file. */
const SUFFIX_BYTES = 4;
const SUFFIX = new RegExp(`^\\.[0-9a-f]{${2 * SUFFIX_BYTES}}$`);
/** Whoever writes one is done with it by then. Milliseconds. */
const TEMPORARY_FOR_MS = 60_000;

/** Reads a secret; throws system errors, or where it is no file, or not the agent's to read, one that names the mend. */
export async function readSecret(path: string): Promise<Buffer> {
  try {
    return await readRegular(path);
  } catch (error) {
    if (systemCode(error) !== "EACCES") throw error;
    throw new Error(await whyUnreadable(path).catch(() => (error as Error).message), { cause: error });
  }
}

/**
 * Reads a secret, or makes it with `create` where there is none. Of two that make it at once, both get the same. What a power
 * cut left of a write before is removed.
 */
export async function readOrCreateSecret(path: string, create: () => Buffer): Promise<Buffer> {
  await removeLeftovers(path).catch(() => {}); // its directory is not there yet, or not this user's
  try {
    return await readSecret(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
  await makeDirs(dirname(path), DIRECTORY_MODE);
  await placeNew(path, create());
  return readSecret(path);
}

/** Puts a secret in the place of another, durably: a crash on the way leaves the old or the new one, whole. */
export async function replaceSecret(path: string, secret: Buffer): Promise<void> {
  await makeDirs(dirname(path), DIRECTORY_MODE);
  await rename(await writeBeside(path, secret), path);
  await syncDir(dirname(path));
}

/** What is wrong when others than its owner may use a secret, with the mend; undefined when all is well. */
export function exposureOf(path: string): string | undefined {
  const { uid, mode } = statSync(path, { throwIfNoEntry: false }) ?? { uid: 0, mode: SECRET_MODE };
  if ((mode & OTHERS) === 0) return undefined;
  const mend = uid === process.geteuid?.() ? `run chmod 600 ${path}` : `as root, run ${giving(path)}`; // it reads it as one of them
  return `${path} is a secret that others may use (mode ${octal(mode)}): ${mend}`;
}

/** Puts a secret where there is none, durably, and whole from its first moment: who makes it at the same time reads it at once. */
async function placeNew(path: string, secret: Buffer): Promise<void> {
  const temporary = await writeBeside(path, secret);
  try {
    await link(temporary, path);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDir(dirname(path));
}

/**
 * Writes a secret into a temporary file in the same directory; its path. Root makes it for whom the directory belongs to:
 * the agent runs as that user, and could not read it otherwise.
 */
async function writeBeside(path: string, secret: Buffer): Promise<string> {
  const temporary = `${path}.${randomBytes(SUFFIX_BYTES).toString("hex")}`;
  const file = await open(temporary, "wx", SECRET_MODE);
  try {
    const { uid, gid } = await stat(dirname(path));
    if (process.geteuid?.() === 0) await file.chown(uid, gid);
    await file.writeFile(secret);
    await file.sync();
    return temporary;
  } catch (error) {
    await rm(temporary, { force: true }); // who looks after the agent starts it again and again on a full disk
    throw error;
  } finally {
    await file.close();
  }
}

/** Removes the temporary files of those who were cut off. Throws system errors. */
async function removeLeftovers(path: string): Promise<void> {
  const [dir, name] = [dirname(path), basename(path)];
  const left = (await readdir(dir)).filter((other) => other.startsWith(name) && SUFFIX.test(other.slice(name.length)));
  for (const temporary of left.map((other) => join(dir, other))) {
    const { mtimeMs } = await stat(temporary);
    if (Date.now() - mtimeMs > TEMPORARY_FOR_MS) await rm(temporary, { force: true });
  }
}

/** Throws system errors where not even its directory may be looked at. */
async function whyUnreadable(path: string): Promise<string> {
  const { uid, mode } = await stat(path);
  return `it belongs to ${userName(uid)} (mode ${octal(mode)}), not to ${userName(process.geteuid!())}: as root, run ${giving(path)}`;
}

/** The command by which a secret becomes the agent's own. */
function giving(path: string): string {
  return `chown --reference=${dirname(path)} ${path} && chmod 600 ${path}`;
}

function userName(uid: number): string {
  return uid === 0 ? "root" : `user ${uid}`;
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}
