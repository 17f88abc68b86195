import { expect, test } from "vitest";
import { visible } from "../../../src/core/text/visible.ts";

test.each([
  ["clears the screen", "\u001b[2J", "\\u001b[2J"],
  ["does so by one character of C1", "\u009b2J", "\\u009b2J"],
  ["sets the title", "\u001b]0;x\u0007", "\\u001b]0;x\\u0007"],
  ["begins the line anew", "good\rbad", "good\\u000dbad"],
  ["turns what follows round", "\u202egpj.exe", "\\u202egpj.exe"],
  ["is a line break to some", "a\u2028b", "a\\u2028b"],
])("what %s is shown as what it is", (_what, text, shown) => {
  expect(visible(text)).toBe(shown);
});

test("lines, letters of any script and signs stay as they are", () => {
  const text = "größer → 日本語 …\n  100 %\n";
  expect(visible(text)).toBe(text);
});
