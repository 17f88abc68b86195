import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Level } from "level";
import { DistswarmError, messageOf, systemCode } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { importNative } from "./native.ts";
import { ownUser } from "./fs/own-user.ts";
import { readRegularText } from "./fs/regular-file.ts";

/** The database of an agent: `level` in `<state_dir>/db`, split into sublevels by its users. Keys are UTF-8 text. */
export type Database = Level<string, unknown> & {
  /** Why it is kept in memory, and what comes of that; undefined where it is in `<state_dir>/db`. */
  readonly inMemory?: string;
};

/** A file in the directory of a database that is to be set aside when it is opened next; says why. */
const CONDEMNED = "CONDEMNED";

/** Stands between the name of a database and the time when it was set aside. */
const ASIDE = ".damaged-";

/** leveldb's words (util/env_posix.cc, strerror(3)) for a file that is not for this process, as against a damaged one. */
const BARRED = /^IO error: (.+): (Permission denied|Operation not permitted)$/;

/** leveldb's words for a file that there is no room for: opening writes what the last run left in its log. */
const FULL = /^IO error: .+: (No space left on device|Disk quota exceeded)$/;

/** leveldb's words for what this box lacks at the moment: they say nothing about the file. */
const SHORTAGE = /^IO error: .+: (Too many open files( in system)?|Cannot allocate memory)$/;

/** Codes of `level` for files that leveldb cannot read, and for what comes out of them and is not what was put in. */
const DAMAGE_CODES = ["LEVEL_CORRUPTION", "LEVEL_IO_ERROR", "LEVEL_DECODE_ERROR"];

/**
 * Opens the database, making it where there is none. A damaged one is renamed to `<dir>.damaged-<time>` and a new one
 * begun, with a warning: what it held can be made anew from the disk and the Manifests, so that costs time, no data. One
 * that there is no room to open makes way for the new one. One that this process may not use, or lacks open files or memory
 * for, is no damaged one. Where leveldb does not load on this platform, it is kept in memory, with a warning.
 *
 * @throws {DistswarmError} `ADDRESS_IN_USE` when another agent has it open; `STORE_UNUSABLE` when the directory cannot
 * be used at all, or not now, with the mend.
 */
export async function openDatabase(dir: string, log: Logger): Promise<Database> {
  const reason = await whyNoLevel();
  if (reason !== undefined) return openInMemory(dir, reason, log);
  const note = await readNote(dir);
  if (note !== undefined) return setAside(dir, note || "its last user met damaged files", log);
  try {
    return await open(dir);
  } catch (error) {
    if (isLocked(error)) {
      const mend = "stop it, or give this one a state_dir and a store.dir of its own";
      throw new DistswarmError("ADDRESS_IN_USE", `another agent is running: it holds ${dir}; ${mend}`, {
        cause: error,
      });
    }
    const barred = barredError(dir, error);
    if (barred !== undefined) throw barred;
    if (SHORTAGE.test(reasonOf(error))) throw shortageError(dir, error);
    return FULL.test(reasonOf(error)) ? replace(dir, reasonOf(error), log) : setAside(dir, reasonOf(error), log);
  }
}

/** Why leveldb cannot be used on this platform, in one line; undefined where it can. */
async function whyNoLevel(): Promise<string | undefined> {
  return importNative(() => import("level")).then(
    () => undefined,
    (error: unknown) => messageOf(error).split("\n")[0],
  );
}

/** What the database holds can be made anew at each start. It is text, which takes less memory than its bytes would. */
async function openInMemory(dir: string, reason: string, log: Logger): Promise<Database> {
  const { MemoryLevel } = await import("memory-level");
  const db = new MemoryLevel<string, unknown>({ valueEncoding: "json", storeEncoding: "utf8" });
  await db.open();
  const platform = `${process.platform} ${process.arch}`;
  const inMemory = `the database does not load on ${platform} (${reason}): it is kept in memory, and the Manifests are read at each start`;
  log.warn(inMemory);
  return Object.assign(db, { location: dir, inMemory });
}

async function open(dir: string): Promise<Database> {
  const { Level } = await import("level");
  const db: Database = new Level<string, unknown>(dir, { valueEncoding: "json" });
  await db.open();
  return db;
}

function isLocked(error: unknown): boolean {
  return systemCode((error as Error).cause) === "LEVEL_LOCKED";
}

/** The error for a database that is not damaged, but not for this process; undefined when it is not that. */
function barredError(dir: string, error: unknown): DistswarmError | undefined {
  const cause = (error as Error).cause ?? error;
  const [, path = dir, reason] = BARRED.exec(messageOf(cause)) ?? [];
  if (reason === undefined && systemCode(cause) !== "EACCES") return undefined;
  const user = ownUser();
  const mend = `as root, run chown -R ${user}: ${dirname(dir)}`;
  const message = `the user ${user} may not read and write ${path} (${reason ?? "EACCES"}): ${mend}`;
  return new DistswarmError("STORE_UNUSABLE", message, { cause: error, facts: { path } });
}

function shortageError(dir: string, error: unknown): DistswarmError {
  const message = `cannot open the database ${dir} (${reasonOf(error)}): let distswarm have more, as by ulimit -n`;
  return new DistswarmError("STORE_UNUSABLE", message, { cause: error });
}

/** What leveldb said. */
function reasonOf(error: unknown): string {
  return messageOf((error as Error).cause ?? error);
}

/**
 * Has a database set aside when it is opened next, for `damage` that only showed in use. leveldb may abort the process
 * when it meets such files while it compacts, so the note comes before anything else is tried.
 */
export async function condemnDatabase(db: Database, damage: unknown): Promise<void> {
  await writeFile(join(db.location, CONDEMNED), reasonOf(damage));
}

/** Whether an error of the database tells of damaged files: condemn it, and a new one is made at the next opening. */
export function isDatabaseDamage(error: unknown): boolean {
  if ([BARRED, FULL, SHORTAGE].some((words) => words.test(messageOf(error)))) return false;
  return DAMAGE_CODES.includes(systemCode(error) ?? "");
}

/** Why a database was condemned, empty when that could not be written; undefined when it was not. */
async function readNote(dir: string): Promise<string | undefined> {
  return readRegularText(join(dir, CONDEMNED)).catch(() => undefined);
}

/** The databases that were set aside beside `dir` and are still there: absolute paths, oldest first. */
export async function findSetAside(dir: string): Promise<string[]> {
  const names = await readdir(dirname(dir)).catch(() => []);
  const prefix = basename(dir) + ASIDE;
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(dirname(dir), name))
    .toSorted();
}

async function setAside(dir: string, reason: string, log: Logger): Promise<Database> {
  const aside = `${dir}${ASIDE}${new Date().toISOString().replaceAll(":", "")}`;
  try {
    await rename(dir, aside);
    const db = await open(dir);
    log.warn(`the database was damaged (${reason}); set aside as ${aside}, a new one is being built`);
    return db;
  } catch (error) {
    throw unopened(dir, reason, error);
  }
}

/** Nothing is to be learned from a database that is well, and its own bytes are those that lack. */
async function replace(dir: string, reason: string, log: Logger): Promise<Database> {
  try {
    await rm(dir, { recursive: true, force: true });
    const db = await open(dir);
    log.warn(`no room to open the database (${reason}): free some; a new one is being built in its place`);
    return db;
  } catch (error) {
    throw unopened(dir, reason, error);
  }
}

function unopened(dir: string, reason: string, cause: unknown): DistswarmError {
  const message = `cannot open the database ${dir} (${reason}), nor begin a new one (${reasonOf(cause)})`;
  return new DistswarmError("STORE_UNUSABLE", message, { cause });
}
