import { readFile, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { digestOf } from "../core/digest.ts";
import type { FileEdit, Proposal } from "./edit.ts";
import { Journal, type JournalEntry } from "./journal.ts";
import { linesLeft, withoutHunk } from "./hunk.ts";
import { proposeMakeConf } from "./make-conf.ts";
import { proposeMirrors } from "./mirrors.ts";
import { proposeReposConf } from "./repos-conf.ts";
import { makeParents, writeWhole } from "./write-file.ts";

/** What Portage is to be told. */
export interface Wishes {
  /** The agent's door, as in `http://127.0.0.1:8480`. */
  readonly url: string;
  /** Whether the agent itself goes through a proxy (`upstream.proxy`). */
  readonly agentHasProxy: boolean;
  /** Sync the tree by snapshots. */
  readonly webrsync: boolean;
}

/** What is to be changed, and what to tell the administrator. */
export interface Plan {
  readonly edits: readonly FileEdit[];
  readonly notes: readonly string[];
}

/** A file that an undo did not change. */
export interface LeftFile {
  readonly path: string;
  /** Where what was there before is kept; undefined: there was no such file. */
  readonly backup: string | undefined;
  /** What setup put in and is still there, line by line. */
  readonly lines: readonly string[];
}

/** What an undo came to, by paths. */
export interface Undone {
  readonly restored: readonly string[];
  /** Changed by others since: their changes stay, and what setup put in is out. */
  readonly cleared: readonly string[];
  /** Changed by others since, and nothing that setup put in stands there any more. */
  readonly gone: readonly string[];
  /** Changed by others since, and lines of what setup put in still stand there: left as they are. */
  readonly left: readonly LeftFile[];
}

/** Says what must be changed below `root` so that Portage uses the agent; nothing, when it does. */
export async function planSetup(root: string, wishes: Wishes): Promise<Plan> {
  const proposals: Proposal[] = [await proposeMakeConf(root, wishes), await proposeMirrors(root, wishes.url)];
  if (wishes.webrsync) proposals.push(await proposeReposConf(root));
  return {
    edits: proposals.flatMap(({ edit }) => edit ?? []),
    notes: proposals.flatMap(({ notes }) => notes),
  };
}

/** Makes the edits of a plan; what is there is copied first. Throws what the file system says. */
export async function applyEdits(root: string, edits: readonly FileEdit[]): Promise<void> {
  const journal = new Journal({ root });
  for (const edit of edits) {
    await journal.add(edit, await makeParents(dirname(edit.path)));
    await writeWhole(edit.path, Buffer.from(edit.after, "latin1"));
  }
}

/**
 * Gives back what was there before the first edit, byte for byte. Where others have changed a file since, only what setup
 * put in is taken out; where they have changed that, the file is left as it is, and forgotten once nothing of it stands there.
 */
export async function undoSetup(root: string): Promise<Undone> {
  const journal = new Journal({ root });
  const outcomes = { restored: new Set<string>(), cleared: new Set<string>(), gone: new Set<string>() };
  const left: JournalEntry[] = [];
  for (const entry of (await journal.entries()).toReversed()) {
    const isLeft = left.some(({ path }) => path === entry.path);
    const outcome = isLeft ? "left" : await takeBack(entry, await journal.before(entry));
    if (outcome === "left") left.unshift(entry);
    else outcomes[outcome].add(entry.path);
  }
  await journal.keep(left);
  return {
    restored: [...outcomes.restored].filter((path) => !outcomes.cleared.has(path)),
    cleared: [...outcomes.cleared],
    gone: [...outcomes.gone],
    left: await Promise.all(left.map((entry) => leftFile(entry, journal.dir))),
  };
}

async function leftFile({ path, backup, ...hunk }: JournalEntry, dir: string): Promise<LeftFile> {
  const text = await readFile(path, "latin1").catch(() => "");
  return { path, backup: backup === null ? undefined : `${dir}/${backup}`, lines: linesLeft(text, hunk) };
}

/** Takes one edit back; `restored`: the file is what it was before. */
async function takeBack(entry: JournalEntry, before: Buffer | undefined): Promise<keyof Undone> {
  const { path, written, made } = entry;
  const current = await readFile(path).catch(() => undefined);
  const isBefore = before === undefined ? current === undefined : current?.equals(before) === true;
  if (!isBefore && (current === undefined || digestOf(current) !== written)) return clear(entry, current);
  if (!isBefore && before === undefined) await rm(path);
  else if (!isBefore) await writeWhole(path, before!);
  for (const dir of made.toReversed()) await rmdir(dir).catch(() => {}); // others may have put files there since
  return "restored";
}

/** Takes back what an edit put into a file that others have changed since, where that still stands there. */
async function clear({ path, ...hunk }: JournalEntry, current: Buffer | undefined): Promise<keyof Undone> {
  const found = current?.toString("latin1") ?? "";
  const text = withoutHunk(found, hunk);
  if (text === undefined) return linesLeft(found, hunk).length > 0 ? "left" : "gone";
  await writeWhole(path, Buffer.from(text, "latin1"));
  return "cleared";
}
