import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fitRows, renderTable } from "../../src/cli/table.ts";
import { textWidth } from "../../src/cli/text-width.ts";

test.for([
  ["hello-2.12.tar.gz", 17],
  ["源码-1.0.tar.gz", 15],
  ["ソフト", 6],
  ["ｿﾌﾄ", 3],
  ["한글", 4],
  ["Ｗ", 2],
  ["📦", 2],
  ["e\u0301", 1],
  ["", 0],
] as const)("%s takes %i columns", ([text, columns]) => {
  expect(textWidth(text)).toBe(columns);
});

test("columns stand below one another, also behind wide names", () => {
  const rows = [
    ["源码.tar.gz", { right: "1 B" }, "h2"],
    ["a.tar.gz", { right: "10 B" }, "h3"],
  ];
  expect(renderTable(rows)).toBe("  源码.tar.gz   1 B  h2\n  a.tar.gz     10 B  h3\n");
});

const ROW = "  box2       192.168.1.12:8481     7 distfiles  its port is closed\n";

test.for([
  [undefined, ROW],
  [80, ROW],
  [60, "  box2       192.168.1.12:8481     7 distfiles\n      its port is closed\n"],
  [40, "  box2       192.168.1.12:8481\n      7 distfiles  its port is closed\n"],
  [24, "  box2\n      192.168.1.12:8481\n      7 distfiles\n      its port is closed\n"],
] as const)("in %s columns a row is broken between its cells where it must be", ([columns, text]) => {
  expect(fitRows(ROW, columns)).toBe(text);
});

test("what is too wide by itself stays in one piece", () => {
  const digest = "ab".repeat(64);
  expect(fitRows(`  digest    ${digest}\n`, 40)).toBe(`  digest\n      ${digest}\n`);
  expect(fitRows("It works. Portage reaches it.\n", 10)).toBe("It works. Portage reaches it.\n");
});

test("whatever the width, every cell is there, in its order", () => {
  const cell = fc.stringMatching(/^[a-z0-9]{0,20}$/);
  fc.assert(
    fc.property(fc.array(fc.array(cell), { minLength: 1 }), fc.integer({ min: 1, max: 80 }), (rows, columns) => {
      const table = renderTable(rows);
      expect(fitRows(table, columns).split(/\s+/)).toEqual(table.split(/\s+/));
    }),
  );
});
