import type { StoreToolEvent } from "../core/report/store-tool-event.ts";
import { formatSize } from "../core/text/units.ts";
import { percent } from "../core/text/words.ts";

type Progress = Extract<StoreToolEvent, { event: "progress" }>;
type File = Extract<StoreToolEvent, { event: "file" }>;
type Summary = Extract<StoreToolEvent, { event: "summary" }>;

/** What is as it should be, and too much to list: it is counted in the summary. */
const UNREMARKABLE: ReadonlySet<File["verdict"]> = new Set(["adopted", "known", "unknown"]);

/** The line for one file; undefined when there is nothing to say of it. */
export function renderToolFile({ file, name, size, verdict, detail }: File): string | undefined {
  if (UNREMARKABLE.has(verdict)) return undefined;
  const what = [`${name ?? file} (${formatSize(size)})`, detail, name === undefined ? undefined : file];
  return [verdict.replace("-", " "), ...what.filter((part) => part !== undefined)].join(": ");
}

/** How far it is. */
export function renderToolProgress({ done, total, bytes, file }: Progress): string {
  return `${done} of ${total} (${percent(done, total)}), ${formatSize(bytes)}${file === undefined ? "" : `  ${file}`}`;
}

/** What it came to; `done`: what was done with the bytes. */
export function renderToolSummary({ counts, bytes, idle, left_out = {} }: Summary, done: string): string {
  const others = Object.entries(left_out).map(([what, number]) => `${what} (${number})`);
  const leftOut = others.length === 0 ? "" : `; left out: ${others.join(", ")}`;
  if (idle !== undefined) return `nothing to do: ${idle}${leftOut}`;
  const parts = Object.entries(counts).map(([what, number]) => `${number} ${what.replace("-", " ")}`);
  return `${parts.join(", ")}; ${formatSize(bytes)} ${done}${leftOut}`;
}
