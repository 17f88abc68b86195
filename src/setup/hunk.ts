/** What one change to a text took out and put in: whole lines, each with its line break, at one place. */
interface Hunk {
  readonly out: readonly string[];
  readonly put: readonly string[];
}

/** A hunk with its place: so many lines are before it. */
interface PlacedHunk extends Hunk {
  readonly start: number;
}

/** The lines of a text, each with its line break. */
export function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** From the first line that differs to the last. */
export function hunkOf(before: string, after: string): PlacedHunk {
  const old = linesOf(before);
  const fresh = linesOf(after);
  const start = commonStart(old, fresh);
  const tail = commonStart(old.slice(start).toReversed(), fresh.slice(start).toReversed());
  return { start, out: old.slice(start, old.length - tail), put: fresh.slice(start, fresh.length - tail) };
}

function commonStart(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/**
 * A text with a hunk taken back, whatever else has changed around it; undefined where what it put in does not stand there
 * as it was written, or more than once.
 */
export function withoutHunk(text: string, { out, put }: Hunk): string | undefined {
  const lines = linesOf(text);
  const places = [...lines.keys()].filter((at) => put.every((line, index) => lines[at + index] === line));
  const [at] = places;
  if (put.length === 0 || at === undefined || places.length > 1) return undefined;
  const after = lines.slice(at + put.length);
  const isOpen = after.length > 0 && out.at(-1)?.endsWith("\n") === false; // it was the last line then, and is not now
  return [...lines.slice(0, at), ...out, ...(isOpen ? ["\n"] : []), ...after].join("");
}

/** The lines that a hunk put in and that still stand in a text, without their line breaks. */
export function linesLeft(text: string, { out, put }: Hunk): string[] {
  const lines = bare(linesOf(text));
  const before = bare(out);
  return bare(put).filter((line) => lines.includes(line) && !before.includes(line));
}

function bare(lines: readonly string[]): string[] {
  return lines.map((line) => line.trimEnd());
}
