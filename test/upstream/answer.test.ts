import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { accept } from "../../src/upstream/answer.ts";
import { parseRetryAfter } from "../../src/upstream/retry-after.ts";

const URL_ = "http://m.example/f";
const NOW = Date.UTC(2026, 10, 21);

function skip(status: number, headers: IncomingHttpHeaders, offset = 0, url = URL_): number {
  const body = Readable.from([]);
  try {
    return accept({ status, headers, url, body }, { size: 1000, offset }, NOW);
  } catch (error) {
    expect(body.destroyed, "an answer that is refused is let go of").toBe(true);
    throw error;
  }
}

test("a range is right only if it starts where asked and ends where the file ends", () => {
  expect(skip(206, { "content-range": "bytes 10-999/1000", "content-length": "990" }, 10)).toBe(0);
  expect(skip(206, { "content-range": "bytes 10-999/*" }, 10)).toBe(0);
  for (const range of [
    "bytes 0-999/1000",
    "bytes 10-998/1000",
    "bytes 10-999/1001",
    "bytes */1000",
    "lines 10-999/1000",
  ]) {
    expect(() => skip(206, { "content-range": range }, 10)).toThrow(expect.objectContaining({ code: "BAD_RANGE" }));
  }
  expect(() => skip(206, {}, 10)).toThrow(expect.objectContaining({ code: "BAD_RANGE" }));
});

test("a range that is right by its head has a body of its length, and is not packed", () => {
  const right = { "content-range": "bytes 10-999/1000" };
  for (const head of [
    { ...right, "content-length": "991" },
    { ...right, "content-encoding": "gzip" },
  ]) {
    expect(() => skip(206, head, 10)).toThrow(expect.objectContaining({ code: "BAD_LENGTH" }));
  }
});

test("the whole file in answer to a range is skipped up to the range", () => {
  expect(skip(200, { "content-length": "1000" }, 10)).toBe(10);
});

test("203 has the whole file, too, by way of a proxy", () => {
  expect(skip(203, { "content-length": "1000" })).toBe(0);
  for (const status of [201, 202, 204, 205]) {
    expect(() => skip(status, {})).toThrow(expect.objectContaining({ code: "BAD_STATUS" }));
  }
});

test("a range that nobody asked for is refused", () => {
  expect(() => skip(206, { "content-range": "bytes 0-999/1000" })).toThrow(
    expect.objectContaining({ code: "BAD_STATUS" }),
  );
});

test("Content-Encoding is let pass where the length or the name shows that it describes the file itself", () => {
  expect(skip(200, { "content-encoding": "x-gzip", "content-length": "1000" })).toBe(0);
  for (const encoding of ["gzip", "BR", "deflate", "gzip, br"]) {
    expect(() => skip(200, { "content-encoding": encoding })).toThrow(expect.objectContaining({ code: "BAD_LENGTH" }));
  }
  for (const url of ["http://m.example/f.tar.gz", "http://m.example/f.tgz?x"]) {
    expect(skip(200, { "content-encoding": "x-gzip" }, 0, url)).toBe(0);
    expect(() => skip(200, { "content-encoding": "br" }, 0, url)).toThrow(
      expect.objectContaining({ code: "BAD_LENGTH" }),
    );
  }
});

test("Content-Encoding may be said twice, which undici tells as a list", () => {
  const twice = { "content-encoding": ["gzip", "gzip"] } as unknown as IncomingHttpHeaders;
  expect(() => skip(200, twice)).toThrow(expect.objectContaining({ code: "BAD_LENGTH" }));
});

test.each(["", "none", "identity", "Identity", "binary", "UTF-8"])("Content-Encoding: %s packs nothing", (encoding) => {
  expect(skip(200, { "content-encoding": encoding })).toBe(0);
});

test("whatever the head says, it is a number to skip or a SourceError", () => {
  const header = fc.constantFrom("content-range", "content-length", "content-encoding", "retry-after");
  const value = fc.oneof(fc.string(), fc.constantFrom("bytes 10-999/1000", "bytes 5-4/3", "1000", "-1", "1e3", "gzip"));
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 599 }),
      fc.dictionary(header, value),
      fc.nat(999),
      (status, headers, offset) => {
        try {
          expect([0, offset]).toContain(skip(status, headers, offset));
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
        }
      },
    ),
  );
});

test("Retry-After is seconds or a date", () => {
  const parse = (value: string) => parseRetryAfter({ "retry-after": value }, NOW);
  expect(parse("120")).toBe(120_000);
  expect(parse("Sat, 21 Nov 2026 00:00:30 GMT")).toBe(30_000);
  expect(parse("Fri, 20 Nov 2026 00:00:30 GMT")).toBe(0);
  expect(parse("soon")).toBeUndefined();
  expect(parseRetryAfter({}, NOW)).toBeUndefined();
});

test("a date in Retry-After is by the clock of the server, wherever that of this box stands", () => {
  const headers = { "retry-after": "Sat, 21 Nov 2026 00:00:30 GMT", date: "Sat, 21 Nov 2026 00:00:20 GMT" };
  for (const now of [0, NOW, NOW - 600_000, NOW + 3_600_000]) expect(parseRetryAfter(headers, now)).toBe(10_000);
  expect(parseRetryAfter({ ...headers, date: "today" }, NOW)).toBe(30_000);
});
