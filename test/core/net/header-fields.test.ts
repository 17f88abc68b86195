import { expect, test } from "vitest";
import { onlyFields, valuesOf, withoutFields } from "../../../src/core/net/header-fields.ts";

const FIELDS = ["Range", "bytes=1-", "X", "1", "range", "bytes=2-"];

test("fields are picked by name, repeated ones too", () => {
  expect(onlyFields(FIELDS, new Set(["range"]))).toEqual(["Range", "bytes=1-", "range", "bytes=2-"]);
  expect(valuesOf(FIELDS, "range")).toEqual(["bytes=1-", "bytes=2-"]);
});

test("fields are left out by name, and the others stay as they were written", () => {
  expect(withoutFields(FIELDS, new Set(["range"]))).toEqual(["X", "1"]);
});
