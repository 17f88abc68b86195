import { expect, test } from "vitest";
import { endToEnd, pick } from "../../src/proxy/headers.ts";

test("fields of one connection are not sent on, nor are those that Connection names", () => {
  const sent = [
    "Host",
    "a",
    "Connection",
    "keep-alive, X-Mine",
    "X-Mine",
    "1",
    "Proxy-Connection",
    "Keep-Alive",
    "Accept",
    "*/*",
  ];
  expect(endToEnd(sent)).toEqual(["Host", "a", "Accept", "*/*"]);
  expect(endToEnd(sent, ["host"])).toEqual(["Accept", "*/*"]);
});

test("fields are picked by name, repeated ones too", () => {
  expect(pick(["Range", "bytes=1-", "X", "1", "range", "bytes=2-"], ["range"])).toEqual([
    "Range",
    "bytes=1-",
    "range",
    "bytes=2-",
  ]);
});
