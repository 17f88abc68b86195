import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { HeadReader } from "../../src/peer/response-head.ts";
import { cpuMs } from "../support/cpu-ms.ts";

const ANSWER = 'HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nETag: "ab"\r\nDistswarm-Present: 7 \r\n\r\nbody';

describe("the head of an answer", () => {
  it("is read however it is cut, and what is behind it is left", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (length) => {
        const reader = new HeadReader();
        const bytes = Buffer.from(ANSWER);
        for (let at = 0; at < bytes.length; at += length) {
          const read = reader.take(bytes.subarray(at, at + length));
          if (read === undefined) continue;
          const headers = { "content-length": "12", etag: '"ab"', "distswarm-present": "7" };
          expect(read.head).toEqual({ status: 206, headers });
          expect(Buffer.concat([read.rest, bytes.subarray(at + length)]).toString()).toBe("body");
          return;
        }
        throw new Error("no head");
      }),
    );
  });

  it.each([
    ["another protocol", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["an older HTTP", "HTTP/1.0 200 OK\r\n\r\n"],
    ["a status that is none", "HTTP/1.1 20 OK\r\n\r\n"],
    ["a line without a colon", "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n"],
    ["a folded line", "HTTP/1.1 200 OK\r\nETag: a\r\n b\r\n\r\n"],
    ["a control character", "HTTP/1.1 200 OK\r\nETag: \u001b[2J\r\n\r\n"],
    ["an interim answer", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["a header twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\n"],
    ["a body in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["headers without end", `HTTP/1.1 200 OK\r\nETag: ${"a".repeat(17_000)}`],
  ])("is refused when it has %s", (_what, text) => {
    expect(() => new HeadReader().take(Buffer.from(text))).toThrow(SourceError);
  });

  it("keeps the agent busy for no time, also where it is nothing but blanks", () => {
    const head = Buffer.from(`HTTP/1.1 200 OK\r\nETag:${" ".repeat(16_000)}\0\r\n\r\n`);
    const refuse = (): void => expect(() => new HeadReader().take(head)).toThrow(SourceError);
    expect(cpuMs(() => Array.from({ length: 20 }, refuse))).toBeLessThan(500);
  });

  it("is refused in no other way, whatever comes", () => {
    const mostly = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string().map((text) => Buffer.from(`${text}\r\n\r\n`)),
    );
    fc.assert(
      fc.property(mostly, fc.boolean(), (bytes, isHttp) => {
        const start = isHttp ? "HTTP/1.1 200 OK\r\n" : "";
        try {
          new HeadReader().take(Buffer.concat([Buffer.from(start), bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
