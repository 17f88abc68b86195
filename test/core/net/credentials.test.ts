import { expect, test } from "vitest";
import { basicCredentials, withoutCredentials } from "../../../src/core/net/credentials.ts";

test.each([
  ["http://me:secret@m.example/f", "http://m.example/f"],
  [
    "mirrors: http://me:secret@m.example, https://me@n.example:8080",
    "mirrors: http://m.example, https://n.example:8080",
  ],
  ["http://m.example/f@v1 and http://m.example/?a@b", "http://m.example/f@v1 and http://m.example/?a@b"],
  ["/mnt/a@b", "/mnt/a@b"],
])("%s is shown as %s", (text, shown) => {
  expect(withoutCredentials(text)).toBe(shown);
});

test.each([
  ["http://m.example/", undefined],
  ["http://me:p%40ss@m.example/", "me:p@ss"],
  ["http://me:100%@m.example/", "me:100%"],
  ["http://me@m.example/", "me:"],
])("the credentials of %s are %s", (url, plain) => {
  expect(basicCredentials(new URL(url))).toBe(plain && `Basic ${Buffer.from(plain).toString("base64")}`);
});
