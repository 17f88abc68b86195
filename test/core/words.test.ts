import * as fc from "fast-check";
import { expect, test } from "vitest";
import { listed, percent } from "../../src/core/words.ts";

test.for([
  [1, 8, "13 %"],
  [999, 1000, "99 %"],
  [1000, 1000, "100 %"],
  [596, 100, "596 %"],
  [0, 0, "-"],
] as const)("%i of %i is %s", ([part, whole, text]) => {
  expect(percent(part, whole)).toBe(text);
});

test("only what is whole is 100 %", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (part, rest) => {
      expect(percent(part, part + rest + 1)).not.toBe("100 %");
    }),
  );
});

test.for([
  [[], ""],
  [["a"], "a"],
  [["a", "b"], "a and b"],
  [["a", "b", "c"], "a, b and c"],
] as const)("%j reads %s", ([items, text]) => {
  expect(listed(items)).toBe(text);
});
