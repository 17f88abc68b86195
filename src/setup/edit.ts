import { readFile } from "node:fs/promises";
import { systemCode } from "../core/errors.ts";

/**
 * A change to one file. The texts hold a byte in each character (latin1), so that what is not changed stays the same
 * whatever its encoding; only ASCII is put in.
 */
export interface FileEdit {
  readonly path: string;
  /** Undefined: there is no such file yet. */
  readonly before: string | undefined;
  readonly after: string;
}

/** What one of Portage's files needs: at most one edit, and what to say of it. */
export interface Proposal {
  readonly edit?: FileEdit;
  /** For the administrator, one plain line each. */
  readonly notes: readonly string[];
}

/** A proposal to leave things as they are. */
export function nothing(...notes: string[]): Proposal {
  return { notes };
}

/** The text of a file for an edit; undefined when there is none. */
export async function readForEdit(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** `text` with lines after its last one, whether that ends in a line break or not. */
export function withLines(text: string, lines: readonly string[]): string {
  const start = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return `${start}${lines.join("\n")}\n`;
}
