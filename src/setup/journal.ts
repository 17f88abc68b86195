import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { digestOf } from "../core/digest.ts";
import { DistswarmError, systemCode } from "../core/errors.ts";
import { makeDirs } from "../core/fs/make-dirs.ts";
import { syncDir } from "../core/fs/sync-dir.ts";
import type { FileEdit } from "./edit.ts";
import { hunkOf } from "./hunk.ts";
import { writeWhole } from "./write-file.ts";

/**
 * Where what was there before is kept, below the root: a directory that only root writes to, beside the files that it is
 * about, and that Portage does not read.
 */
const BACKUP_DIR = "/etc/portage/.distswarm-setup";
const JOURNAL = "journal.json";
const DIR_MODE = 0o700;
/** Of a digest, in the name of a copy. */
const COPY_NAME_DIGITS = 16;

const entrySchema = z.strictObject({
  path: z.string(),
  /** Name of the copy in this directory; null: there was no such file. */
  backup: z.string().nullable(),
  /** Digest of what setup wrote. */
  written: z.string(),
  /** The lines that it took out and put in, by which it can be taken back from a file that others have changed. */
  out: z.array(z.string()).default([]),
  put: z.array(z.string()).default([]),
  /** Directories that were made for it, outermost first. */
  made: z.array(z.string()),
});

/** One change that setup made. */
export type JournalEntry = z.output<typeof entrySchema>;

/** What setup has changed below a root, oldest first, with copies of what was there before. */
export class Journal {
  readonly dir: string;

  constructor({ root }: { root: string }) {
    this.dir = join(root, BACKUP_DIR);
  }

  /**
   * All entries; none when setup has changed nothing.
   *
   * @throws {DistswarmError} `JOURNAL_DAMAGED`: it cannot be told what setup has changed.
   */
  async entries(): Promise<JournalEntry[]> {
    const path = join(this.dir, JOURNAL);
    try {
      return z.array(entrySchema).parse(JSON.parse(await readFile(path, "utf8")));
    } catch (error) {
      const code = systemCode(error);
      if (code === "ENOENT") return [];
      if (code !== undefined) throw error;
      const copies = `the copies in ${this.dir} are what was there before`;
      const mend = `take out by hand what setup put in (${copies}), then remove that directory`;
      throw new DistswarmError("JOURNAL_DAMAGED", `${path} is damaged: ${mend}`, { cause: error });
    }
  }

  /** Notes an edit that is about to be made, with a copy of what is there and the directories that were made for it. */
  async add({ path, before, after }: FileEdit, made: readonly string[]): Promise<void> {
    await makeDirs(dirname(this.dir));
    await makeDirs(this.dir, DIR_MODE);
    const entries = await this.entries();
    const backup = before === undefined ? null : await this.#copy(path, Buffer.from(before, "latin1"));
    const { out, put } = hunkOf(before ?? "", after);
    const written = digestOf(Buffer.from(after, "latin1"));
    await this.#write([...entries, { path, backup, written, out: [...out], put: [...put], made: [...made] }]);
  }

  /** What was in the file before an entry; undefined when there was no file. */
  async before({ backup }: JournalEntry): Promise<Buffer | undefined> {
    return backup === null ? undefined : readFile(join(this.dir, backup));
  }

  /** Forgets all entries but these; with none left, the copies go, too. */
  async keep(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length > 0) return this.#write(entries);
    if (!existsSync(this.dir)) return;
    await rm(this.dir, { recursive: true });
    await syncDir(dirname(this.dir)); // the files are as before, durably: it would say of them that others have changed them
  }

  /** Two versions of one file are two copies: each is named by its content, too. */
  async #copy(path: string, content: Buffer): Promise<string> {
    const name = `${basename(path)}.${digestOf(content).slice(0, COPY_NAME_DIGITS)}`;
    await writeWhole(join(this.dir, name), content);
    return name;
  }

  async #write(entries: readonly JournalEntry[]): Promise<void> {
    await writeWhole(join(this.dir, JOURNAL), Buffer.from(`${JSON.stringify(entries, null, 2)}\n`));
  }
}
