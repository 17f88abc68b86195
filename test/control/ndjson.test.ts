import * as fc from "fast-check";
import { expect, test } from "vitest";
import { explainConnectError, groupName } from "../../src/control/connect-error.ts";
import { fromLines, toLine } from "../../src/control/ndjson.ts";

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of fromLines(chunks)) values.push(value);
  return values;
}

test("values come out of lines as they went in, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue({ stringUnit: "grapheme" })),
      fc.integer({ min: 1, max: 9 }),
      async (values, size) => {
        const bytes = new TextEncoder().encode(values.map(toLine).join(""));
        expect(JSON.stringify(await read(inChunks(bytes, size)))).toBe(JSON.stringify(values));
      },
    ),
  );
});

test("a stream that ends within a line is an error", async () => {
  await expect(read(inChunks(Buffer.from('{"a":1}\n{"b"'), 4))).rejects.toThrow("ends within a line");
});

test("a group is told by its name, or by its number where it has none", () => {
  const etcGroup = "root:x:0:\ndistswarm:x:250:ann,bob\n";
  expect(groupName(etcGroup, 250)).toBe("distswarm");
  expect(groupName(etcGroup, 251)).toBe("251");
});

test("a status socket that is not for this user: the message names the group that may", async () => {
  const refused = Object.assign(new Error("connect EACCES"), { code: "EACCES" });
  expect(await explainConnectError(refused, "/absent/status.sock")).toMatchObject({
    code: "NOT_PERMITTED",
    message: "/absent/status.sock is not for you: only members of the agent's group may read its status",
  });
});
