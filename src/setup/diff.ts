import type { FileEdit } from "./edit.ts";

const CONTEXT_LINES = 3;
const NO_LINE_BREAK = "\\ No newline at end of file";

/** The lines of a text, each with its line break. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function commonStart(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function printed(sign: string, lines: readonly string[]): string {
  return lines.map((line) => `${sign}${line.endsWith("\n") ? line : `${line}\n${NO_LINE_BREAK}\n`}`).join("");
}

/** Where a hunk lies, as unified diffs write it: `4,3`, lines from 1; an empty one is named by the line before it. */
function range(start: number, length: number): string {
  return `${length === 0 ? start : start + 1},${length}`;
}

/** An edit as a unified diff of one hunk, from the first line that changes to the last; empty for no change. */
export function renderDiff({ path, before, after }: FileEdit): string {
  const old = linesOf(before ?? "");
  const fresh = linesOf(after);
  const same = commonStart(old, fresh);
  if (same === old.length && same === fresh.length) return "";
  const tail = commonStart(old.slice(same).toReversed(), fresh.slice(same).toReversed());
  const start = Math.max(0, same - CONTEXT_LINES);
  const context = Math.min(tail, CONTEXT_LINES);
  const oldEnd = old.length - tail;
  const freshEnd = fresh.length - tail;
  const text = [
    `--- ${before === undefined ? "/dev/null" : path}\n+++ ${path}\n`,
    `@@ -${range(start, oldEnd + context - start)} +${range(start, freshEnd + context - start)} @@\n`,
    printed(" ", old.slice(start, same)),
    printed("-", old.slice(same, oldEnd)),
    printed("+", fresh.slice(same, freshEnd)),
    printed(" ", old.slice(oldEnd, oldEnd + context)),
  ].join("");
  return Buffer.from(text, "latin1").toString("utf8");
}
