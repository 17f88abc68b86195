import { expect, test } from "vitest";
import { formatDuration, formatSeconds, formatSize } from "../../../src/core/text/units.ts";

test.for([
  [0, "0 ms"],
  [850, "850 ms"],
  [999.6, "1 s"],
  [12_340, "12.3 s"],
  [27_000, "27 s"],
  [59_960, "1 min"],
  [3_599_000, "59 min"],
  [18_600_000, "5 h 10 min"],
  [183_600_000, "2 d 3 h"],
] as const)("%s ms are written as %s", ([ms, text]) => {
  expect(formatDuration(ms)).toBe(text);
});

test("whole seconds are never written in milliseconds", () => {
  expect([0, 1, 3600].map(formatSeconds)).toEqual(["0 s", "1 s", "1 h 0 min"]);
});

test.for([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.00 KiB"],
  [12.34 * 2 ** 20, "12.3 MiB"],
  [2 ** 20 - 1, "1.00 MiB"],
  [5 * 2 ** 50, "5120.0 TiB"],
] as const)("%s bytes are written as %s", ([bytes, text]) => {
  expect(formatSize(bytes)).toBe(text);
});
