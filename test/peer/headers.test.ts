import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { contentRange } from "../../src/core/net/range.ts";
import { checkAnswer } from "../../src/peer/answer.ts";
import { readContentRange, readRange } from "../../src/peer/byte-range.ts";
import { digestOfPath, idList, readBytes, readIds } from "../../src/peer/protocol.ts";

describe("what peers say in headers", () => {
  it("is read as it was written", () => {
    const range = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 1e9 }), fc.nat());
    fc.assert(
      fc.property(range, ([start, length, after]) => {
        const size = start + length + after;
        const written = contentRange({ start, end: start + length }, size);
        expect(readContentRange(written)).toEqual({ start, end: start + length, size });
        expect(readRange(`bytes=${start}-${start + length - 1}`, size)).toEqual({ start, end: start + length });
        expect(readRange(`bytes=${start}-`, size)).toEqual({ start, end: size });
      }),
    );
    const ids = ["ab".repeat(32), "cd".repeat(32)];
    expect(readIds({ x: idList(ids) }, "x")).toEqual(ids);
  });

  it("never makes anything fail, whatever it is", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^bytes[ =]?\d{0,20}-\d{0,20}\/?\d{0,20}$/));
    fc.assert(
      fc.property(text, fc.nat(), (value, size) => {
        const range = readRange(value, size);
        if (range !== undefined) expect(range.start < range.end && range.end <= size).toBe(true);
        readContentRange(value);
        readIds({ x: value }, "x");
        readBytes({ x: value }, "x");
        const digest = digestOfPath(value);
        expect(digest === undefined || /^[0-9a-f]{128}$/.test(digest)).toBe(true);
      }),
    );
  });

  it.each<[string, number, Record<string, string>, string]>([
    ["another length", 206, { "content-length": "5", "content-range": "bytes 10-99/100" }, "BAD_LENGTH"],
    ["no length", 206, { "content-range": "bytes 10-99/100" }, "BAD_LENGTH"],
    ["another start", 206, { "content-length": "90", "content-range": "bytes 0-99/100" }, "BAD_RANGE"],
    ["another size", 206, { "content-length": "90", "content-range": "bytes 10-99/200" }, "BAD_RANGE"],
    ["the whole instead of a part", 200, { "content-length": "100" }, "BAD_STATUS"],
    ["not found", 404, {}, "ABSENT"],
    ["too many readers", 503, {}, "BUSY"],
    ["a redirect", 302, { location: "https://example.org/" }, "BAD_STATUS"],
  ])("is refused when it tells of %s", (_what, status, headers, code) => {
    const reply = { status, headers, body: undefined as never };
    expect(() => checkAnswer(reply, { offset: 10, size: 100 })).toThrow(expect.objectContaining({ code }));
  });

  it("tells the size of what is asked for without one, and is refused when it contradicts itself", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), fc.nat(200), (length, end, total) => {
        const headers = { "content-length": `${length}`, "content-range": `bytes 10-${end - 1}/${total}` };
        const check = () =>
          checkAnswer({ status: 206, headers, body: undefined as never }, { offset: 10, size: Infinity });
        if (end > 10 && end === total && length === total - 10) expect(check().size).toBe(total);
        else expect(check).toThrow(SourceError);
      }),
    );
    const rest = { "content-length": "90", "content-range": "bytes 10-99/100" };
    const part = { status: 206, headers: rest, body: undefined as never };
    expect(checkAnswer(part, { offset: 10, size: Infinity }).size).toBe(100);
    const whole = { status: 200, headers: { "content-length": "7" }, body: undefined as never };
    expect(checkAnswer(whole, { offset: 0, size: Infinity }).size).toBe(7);
    expect(() => checkAnswer({ ...whole, headers: {} }, { offset: 0, size: Infinity })).toThrow(SourceError);
  });
});
