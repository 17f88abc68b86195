import type { FileEdit } from "./edit.ts";
import { hunkOf, linesOf } from "./hunk.ts";

const CONTEXT_LINES = 3;
const NO_LINE_BREAK = "\\ No newline at end of file";

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
  const { start: same, out, put } = hunkOf(before ?? "", after);
  if (out.length + put.length === 0) return "";
  const oldEnd = same + out.length;
  const start = Math.max(0, same - CONTEXT_LINES);
  const context = Math.min(old.length - oldEnd, CONTEXT_LINES);
  const text = [
    `--- ${before === undefined ? "/dev/null" : path}\n+++ ${path}\n`,
    `@@ -${range(start, oldEnd + context - start)} +${range(start, same + put.length + context - start)} @@\n`,
    printed(" ", old.slice(start, same)),
    printed("-", out),
    printed("+", put),
    printed(" ", old.slice(oldEnd, oldEnd + context)),
  ].join("");
  return Buffer.from(text, "latin1").toString("utf8");
}
