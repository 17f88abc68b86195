import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRange } from "../../../src/core/net/range.ts";

const whole = { kind: "whole" };
const unsatisfiable = { kind: "unsatisfiable" };
const part = (start: number, end: number): object => ({ kind: "part", range: { start, end } });

describe("a Range header against 1000 bytes", () => {
  test.each([
    ["bytes=0-", part(0, 1000)],
    ["bytes=400-", part(400, 1000)],
    ["bytes=0-0", part(0, 1)],
    ["bytes=990-2000", part(990, 1000)],
    ["bytes=-10", part(990, 1000)],
    ["bytes=-5000", part(0, 1000)],
    ["bytes=1000-", unsatisfiable],
    ["bytes=5000-6000", unsatisfiable],
    ["bytes=-0", unsatisfiable],
    ["bytes=5-4", whole],
    ["bytes=-", whole],
    ["bytes=0-1,5-6", whole],
    ["lines=0-1", whole],
    ["bytes=one-two", whole],
  ])("%s", (header, expected) => {
    expect(parseRange(header, 1000)).toEqual(expected);
  });

  test("none asks for everything", () => {
    expect(parseRange(undefined, 1000)).toEqual(whole);
  });
});

test("an empty file has no range", () => {
  expect(parseRange("bytes=0-", 0)).toEqual(unsatisfiable);
  expect(parseRange("bytes=-1", 0)).toEqual(unsatisfiable);
});

test("whatever the header, a range lies within the file", () => {
  const header = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
  );
  fc.assert(
    fc.property(header, fc.nat(), (text, size) => {
      const asked = parseRange(text, size);
      if (asked.kind !== "part") return;
      expect(asked.range.start).toBeLessThan(asked.range.end);
      expect(asked.range.start).toBeGreaterThanOrEqual(0);
      expect(asked.range.end).toBeLessThanOrEqual(size);
    }),
  );
});
