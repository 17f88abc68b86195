import { expect, test } from "vitest";
import { messageOf, systemCode } from "../../src/core/errors.ts";

test("a quota that is used up has a name and words, though libuv knows none", () => {
  const code = "Unknown system error -122";
  const error = Object.assign(new Error(`${code}: ${code}, mkdir '/x'`), { errno: -122, code });
  expect(systemCode(error)).toBe("EDQUOT");
  expect(messageOf(error)).toBe("EDQUOT: disk quota exceeded, mkdir '/x'");
});
