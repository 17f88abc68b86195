/** One cell of a table; numbers as text, set to the right. */
export type Cell = string | { readonly right: string };

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.right;
}

/** Lines of cells below one another, two blanks between, each line behind `indent`; without blanks at their ends. */
export function renderTable(rows: readonly (readonly Cell[])[], indent = "  "): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, textOf(cell).length);
    }
  }
  const pad = (cell: Cell, column: number) =>
    typeof cell === "string" ? cell.padEnd(widths[column]!) : cell.right.padStart(widths[column]!);
  return rows.map((row) => `${indent}${row.map(pad).join("  ")}`.trimEnd() + "\n").join("");
}
