import { access, chmod, constants, mkdir, rmdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DistswarmError, hasCode, messageOf, systemCode } from "../core/errors.ts";
import { makeDirs } from "../core/fs/make-dirs.ts";
import { readRegularText, writeRegular } from "../core/fs/regular-file.ts";
import { syncDir } from "../core/fs/sync-dir.ts";
import { lacksModes } from "./lacks-modes.ts";
import { isKnownFormat, LAYOUT_CONF, STORE_FORMAT, type StorePaths } from "./layout.ts";

/** Mode of every directory of the store, whatever the umask: Portage's user reads blobs in place. */
const DIR_MODE = 0o755;

/** Mode of blobs and of what stands beside them, whatever the umask. */
export const FILE_MODE = 0o644;

/** System errors that say that there is no room, as against no way to write. */
const FULL_CODES = ["ENOSPC", "EDQUOT", "EFBIG"];

/**
 * Refuses a store directory of another format; one without a `version` file, or with an empty one, is new, or lost it, and
 * passes. Reads only.
 *
 * @throws {DistswarmError} `STORE_VERSION`, which names both formats and the file; `STORE_UNUSABLE` when it cannot be
 * read.
 */
export async function checkFormat(paths: StorePaths): Promise<void> {
  const text = await readRegularText(paths.version).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw readFault(error, paths.version);
  });
  if (!text || isKnownFormat(text)) return;
  const found = JSON.stringify(text.trim().slice(0, 40));
  throw new DistswarmError(
    "STORE_VERSION",
    `${paths.version} says format ${found}, this distswarm knows format ${STORE_FORMAT}: ` +
      "update distswarm, or name another directory in store.dir; nothing was touched",
    { facts: { path: paths.version, found, known: STORE_FORMAT } },
  );
}

/**
 * Makes what is missing of a store directory; harmless where all is there. Throws
 * system errors, also where it cannot be written.
 */
export async function prepareDirs(paths: StorePaths): Promise<void> {
  await makeDir(paths.dir, { parents: true });
  await writeMissing(paths.version, `${STORE_FORMAT}\n`);
  await makeDir(paths.blobs);
  await makeDir(paths.partials);
  await writeMissing(paths.layoutConf, LAYOUT_CONF);
  for (const path of [paths.blobs, paths.partials]) await access(path, constants.W_OK);
}

/** Makes one directory with {@link DIR_MODE}, durably; harmless where it is there. Throws system errors. */
export async function makeDir(path: string, { parents = false } = {}): Promise<void> {
  if (parents) await makeDirs(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    if (systemCode(error) === "EEXIST") return;
    throw error;
  }
  try {
    await setMode(path, DIR_MODE);
    await syncDir(dirname(path));
  } catch (error) {
    await rmdir(path).catch(() => {}); // made anew at the next try
    throw error;
  }
}

/** Writes a file that is missing, or empty: so a power cut leaves one that was written just before it. */
async function writeMissing(path: string, text: string): Promise<void> {
  const { size } = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return { size: 0 };
    throw error;
  });
  if (size > 0) return;
  await writeRegular(path, text);
  await setMode(path, FILE_MODE);
}

async function setMode(path: string, mode: number): Promise<void> {
  try {
    await chmod(path, mode);
  } catch (error) {
    if (!lacksModes(error, (await stat(path)).mode, mode)) throw error;
  }
}

/** What a failed look at `path` means to the administrator, with what to do. */
export function readFault(error: unknown, path: string): DistswarmError<"STORE_UNUSABLE"> {
  const code = systemCode(error) ?? messageOf(error);
  return new DistswarmError("STORE_UNUSABLE", `cannot read ${path} (${code}): ${remedy(code)}`, {
    cause: error,
    facts: { path, system: code },
  });
}

/** What a failed write at `path` means to the administrator: `STORE_FULL` or `STORE_UNUSABLE`, with what to do. */
export function writeFault(error: unknown, path: string): DistswarmError<"STORE_FULL" | "STORE_UNUSABLE"> {
  if (hasCode(error, "STORE_UNUSABLE")) return error as DistswarmError<"STORE_UNUSABLE">; // it says so itself
  const system = systemCode(error) ?? messageOf(error);
  const because = { cause: error, facts: { path, system } };
  if (!FULL_CODES.includes(system)) {
    return new DistswarmError("STORE_UNUSABLE", `cannot write ${path} (${system}): ${remedy(system)}`, because);
  }
  const message = `no space to write ${path} (${system}): free some (inodes, too: df -i), or lower store.max_size`;
  return new DistswarmError("STORE_FULL", message, because);
}

function remedy(code: string): string {
  if (code === "EROFS") return "its file system is read-only, remount it or name another directory in store.dir";
  if (code === "EACCES" || code === "EPERM") return "give its directory to the user that distswarm runs as";
  if (code === "EMFILE" || code === "ENFILE")
    return "too many files are open: let distswarm open more, as by ulimit -n";
  if (code === "EIO" || code === "EUCLEAN") return "the disk fails, look at the kernel log";
  return "see that store.dir is a directory on a working disk";
}
