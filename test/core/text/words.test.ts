import * as fc from "fast-check";
import { expect, test } from "vitest";
import { about, listed, percent } from "../../../src/core/text/words.ts";

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

test.for([
  ["no Manifest knows it", "a.tgz: no Manifest knows it"],
  ["nobody has a.tgz; tried: http://m/a.tgz", "nobody has a.tgz; tried: http://m/a.tgz"],
  ["no source for a.tgz: no peer has it", "no source for a.tgz: no peer has it"],
  ["nobody has aa.tgz", "a.tgz: nobody has aa.tgz"],
] as const)("what is said of a.tgz names it once: %s", ([message, text]) => {
  expect(about("a.tgz", message)).toBe(text);
});
