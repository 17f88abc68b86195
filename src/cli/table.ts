import { textWidth } from "./text-width.ts";

/** One cell of a table; numbers as text, set to the right. */
export type Cell = string | { readonly right: string };

/** How far the rest of a row is set in that is broken between its cells. */
const REST_INDENT = "    ";
const GAP = "  ";

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.right;
}

/** Lines of cells below one another, two blanks between, each line behind `indent`; without blanks at their ends. */
export function renderTable(rows: readonly (readonly Cell[])[], indent = GAP): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, textWidth(textOf(cell)));
    }
  }
  const pad = (cell: Cell, column: number): string => {
    const text = textOf(cell);
    const blanks = " ".repeat(widths[column]! - textWidth(text));
    return typeof cell === "string" ? text + blanks : blanks + text;
  };
  return rows.map((row) => `${indent}${row.map(pad).join(GAP)}`.trimEnd() + "\n").join("");
}

/**
 * A text for a terminal of so many columns (none: no terminal; 0: one that does not tell): a row that is wider is broken
 * between its cells.
 * A cell that is wider by itself is left to the terminal, from which it can be copied in one piece.
 */
export function fitRows(text: string, columns = 0): string {
  if (columns === 0) return text;
  const lines = text.split("\n").map((line) => (textWidth(line) > columns ? brokenRow(line, columns) : line));
  return lines.join("\n");
}

function brokenRow(row: string, columns: number): string {
  const indent = " ".repeat(row.search(/\S|$/));
  const [first = "", ...rest] = row.trimStart().split(/(?<! )(?= {2})/);
  const lines = [indent + first];
  for (const gapAndCell of rest) {
    const cell = gapAndCell.trimStart();
    const longer = lines.at(-1)! + (lines.length === 1 ? gapAndCell : GAP + cell);
    if (textWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(indent + REST_INDENT + cell);
  }
  return lines.join("\n");
}
