import { readFile, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { digestOf } from "../core/digest.ts";
import type { FileEdit, Proposal } from "./edit.ts";
import { Journal, type JournalEntry } from "./journal.ts";
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

/** What an undo came to, by paths. */
export interface Undone {
  readonly restored: readonly string[];
  /** Changed by others since: left as they are. Where what was there before is kept. */
  readonly left: readonly { readonly path: string; readonly backup: string | undefined }[];
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

/** Gives back what was there before the first edit, byte for byte; what others have changed since is left as it is. */
export async function undoSetup(root: string): Promise<Undone> {
  const journal = new Journal({ root });
  const restored: string[] = [];
  const left: JournalEntry[] = [];
  for (const entry of (await journal.entries()).toReversed()) {
    const isLeft = left.some(({ path }) => path === entry.path);
    if (!isLeft && (await restore(entry, await journal.before(entry)))) restored.push(entry.path);
    else left.unshift(entry);
  }
  await journal.keep(left);
  return {
    restored: [...new Set(restored)],
    left: left.map(({ path, backup }) => ({ path, backup: backup === null ? undefined : `${journal.dir}/${backup}` })),
  };
}

/** False when the file is neither what setup wrote nor what it was before. */
async function restore({ path, written, made }: JournalEntry, before: Buffer | undefined): Promise<boolean> {
  const current = await readFile(path).catch(() => undefined);
  const untouched = before === undefined ? current === undefined : current?.equals(before) === true;
  if (!untouched) {
    if (current === undefined || digestOf(current) !== written) return false;
    if (before === undefined) await rm(path);
    else await writeWhole(path, before);
  }
  for (const dir of made.toReversed()) await rmdir(dir).catch(() => {}); // others may have put files there since
  return true;
}
