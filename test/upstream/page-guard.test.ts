import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { guarded } from "../../src/upstream/page-guard.ts";

const KIB = 1024;

/** What comes of a body in pieces of 10 KiB, where `wanted` bytes are asked for, and how it ends. */
async function given(bytes: number, wanted: number, head: { status?: number; length?: number; breaks?: boolean } = {}) {
  const { status = 200, length, breaks = false } = head;
  const headers = length === undefined ? {} : { "content-length": String(length) };
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes; at += 10 * KIB) yield Buffer.alloc(Math.min(10 * KIB, bytes - at));
    if (breaks) throw new Error("reset");
  }
  let came = 0;
  try {
    const body = Readable.from(pieces());
    for await (const piece of guarded({ status, headers, url: "http://m.example/f", body }, wanted))
      came += piece.length;
  } catch {
    return `${came / KIB} KiB, broken off`;
  }
  return `${came / KIB} KiB`;
}

test("of an answer without a length that is shorter than what was asked for nothing is given: it may be a page", async () => {
  expect(await given(20 * KIB, 1000 * KIB)).toBe("0 KiB");
  expect(await given(120 * KIB, 1000 * KIB)).toBe("0 KiB");
});

test("a file without a length is given whole, however small, and what is too long for a page as far as it came", async () => {
  expect(await given(20 * KIB, 20 * KIB)).toBe("20 KiB");
  expect(await given(1000 * KIB, 1000 * KIB)).toBe("1000 KiB");
  expect(await given(500 * KIB, 1000 * KIB)).toBe("500 KiB");
});

test("what breaks off is a part of something longer, and is given, as is what has a length or answers a range", async () => {
  expect(await given(20 * KIB, 1000 * KIB, { breaks: true })).toBe("20 KiB, broken off");
  expect(await given(20 * KIB, 1000 * KIB, { length: 1000 * KIB })).toBe("20 KiB");
  expect(await given(20 * KIB, 1000 * KIB, { status: 206 })).toBe("20 KiB");
});
