import { expect, test } from "vitest";
import { placeOf } from "../../src/snapshot/answer-place.ts";

test.each<[string, number, Record<string, string>, ReturnType<typeof placeOf>]>([
  ["the rest", 206, { "content-range": "bytes 10-99/100" }, { skip: 0, size: 100 }],
  ["a range that starts elsewhere", 206, { "content-range": "bytes 0-99/100" }, undefined],
  ["a range that is not named", 206, {}, undefined],
  ["a range of a file of unknown length", 206, { "content-range": "bytes 10-99/*" }, undefined],
  ["the whole file", 200, { "content-length": "100" }, { skip: 10, size: 100 }],
  ["the whole file without its length", 200, {}, { skip: 10 }],
  ["that there is no more", 416, { "content-range": "bytes */10" }, { skip: 0, size: 10 }],
  ["that there is less than is here", 416, { "content-range": "bytes */9" }, undefined],
  ["anything else", 404, { "content-length": "100" }, undefined],
])("asked from byte 10 on, a mirror that sends %s is taken at its word or not at all", (_, status, headers, place) => {
  expect(placeOf({ status, headers }, 10)).toEqual(place);
});
