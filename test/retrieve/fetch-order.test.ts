import { expect, test } from "vitest";
import { FetchOrder } from "../../src/retrieve/fetch-order.ts";

/** What is foreseen of these ebuilds, each a word of files named by a letter, when these were asked for. */
function foreseen(ebuilds: readonly string[], asked: string): string {
  const order = new FetchOrder(ebuilds.map((ebuild) => ebuild.split("")));
  for (const name of asked) order.ask(name);
  return [...order.next()].join("");
}

test.each([
  ["nothing before the second file", ["abcdef"], "a", ""],
  ["nothing when the same file is asked for again", ["abcdef"], "aa", ""],
  ["what comes after the second", ["abcdef"], "ab", "cdef"],
  ["what comes after the last one, whatever was left out before", ["abcdef"], "ad", "ef"],
  ["what comes after the last one, also where the client went back", ["abcdef"], "eb", "cdef"],
  ["nothing after the last file", ["abc"], "bc", ""],
  ["of two versions what both need, in the order of the first", ["abcdef", "abxfye"], "ab", "ef"],
  ["of two versions the one that needs all that was asked for", ["abcdef", "abxdef"], "abc", "def"],
  ["nothing where no ebuild needs all that was asked for", ["abc", "xyz"], "ax", ""],
])("foresees %s", (_, ebuilds, asked, next) => {
  expect(foreseen(ebuilds, asked)).toBe(next);
});

test("knows the files that may be the client's next: no more those of versions that it cannot be", () => {
  const order = new FetchOrder([
    ["a", "b"],
    ["a", "c"],
  ]);
  expect(["a", "b", "c", "d"].filter((name) => order.has(name))).toEqual(["a", "b", "c"]);
  order.ask("c");
  expect(["a", "b", "c", "d"].filter((name) => order.has(name))).toEqual(["a", "c"]);
});
