import { expect, test } from "vitest";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { type BlobRecord, BlobRecords } from "../../src/store/records.ts";
import type { TableOperation } from "../../src/store/table-writer.ts";
import { keepLog } from "./support/harness.ts";

const [one, other] = [digestOf(Buffer.from("one")), digestOf(Buffer.from("other"))];
const record: BlobRecord = { size: 1, added: 1, used: 1, sums: "" };

/** Records, and what was written of them: each batch as the kind and key of its operations. */
function startRecords(rows: [string, BlobRecord][] = []): {
  records: BlobRecords;
  batches: string[][];
  disk: { isFull: boolean };
  lines: string[];
} {
  const batches: string[][] = [];
  const disk = { isFull: false };
  const table = {
    async *iterator() {
      yield* rows;
    },
    async batch(operations: TableOperation<BlobRecord>[]) {
      if (disk.isFull) throw new Error("no space");
      batches.push(operations.map(({ type, key }) => `${type} ${key}`));
    },
  };
  const { log, lines } = keepLog();
  return { records: new BlobRecords({ table, log }), batches, disk, lines };
}

test("new records count at once, and are written together soon after", async () => {
  const { records, batches } = startRecords();
  records.add(one, record);
  records.add(other, record);
  expect(records.count).toBe(2);
  expect(batches).toEqual([]);
  await expect.poll(() => batches).toEqual([[`put ${one}`, `put ${other}`]]);
  await records.flush();
  expect(batches).toHaveLength(1);
});

test("a blob that is removed before its record was written leaves none", async () => {
  const { records, batches } = startRecords();
  records.add(one, record);
  await records.delete(one);
  await records.flush();
  expect(batches).toEqual([[`del ${one}`]]);
});

test("a change that is written leaves nothing for the next flush", async () => {
  const { records, batches } = startRecords();
  records.add(one, record);
  await records.put(one, { ...record, damaged: true });
  await records.flush();
  expect(batches).toEqual([[`put ${one}`]]);
});

test("what could not be written is tried again with the next flush, and told once", async () => {
  const { records, batches, disk, lines } = startRecords();
  await records.put(other, record);
  disk.isFull = true;
  await records.put(one, record);
  await records.delete(other);
  await records.flush();
  expect(records.problem).toBe("cannot write blob records (no space); it is tried again");
  disk.isFull = false;
  await records.flush();
  await records.flush();
  expect(records.problem).toBeUndefined();
  expect(batches).toEqual([[`put ${other}`], [`put ${one}`, `del ${other}`]]);
  expect(lines).toEqual([expect.stringContaining("no space")]);
});

test("blobs that are forgotten together are written in one batch", async () => {
  const { records, batches } = startRecords();
  records.add(one, record);
  records.add(other, record);
  await records.flush();
  await Promise.all([records.delete(one), records.delete(other)]);
  expect(batches.slice(1)).toEqual([[`del ${one}`, `del ${other}`]]);
});

test("very many records are written some at a time", async () => {
  const { records, batches } = startRecords();
  const digests = Array.from({ length: 2500 }, (_, i) => digestOf(Buffer.from(String(i))));
  for (const digest of digests) records.add(digest, record);
  await records.flush();
  expect(batches.map(({ length }) => length)).toEqual([1000, 1000, 500]);
  expect(batches.flat()).toEqual(digests.map((digest) => `put ${digest}`));
});

test("what to evict comes in the order of use: uses count, other changes do not", async () => {
  const rows: [string, BlobRecord][] = [
    ["c", { ...record, used: 30 }],
    ["a", { ...record, used: 10 }],
    ["b", { ...record, used: 20 }],
  ];
  const { records } = startRecords(rows);
  const order = () => [...records.candidates()].map(({ digest }) => digest).join("");
  await records.load();
  expect(order()).toBe("abc");
  records.touch("a" as Digest, 40);
  records.touch("b" as Digest, 40);
  expect(order()).toBe("cab");
  await records.put("c" as Digest, { ...record, used: 30, damaged: true });
  expect(order()).toBe("cab");
});

test("a blob that is found on the disk takes its place in the order of use", () => {
  const { records } = startRecords();
  records.add(one, { ...record, used: 20 });
  records.add(other, { ...record, used: 10 });
  expect([...records.candidates()].map(({ digest }) => digest)).toEqual([other, one]);
});

test("a use comes after all before it, also where the clock was set back, and in the next run", async () => {
  const { records } = startRecords([
    ["a", { ...record, used: 30 }],
    ["b", { ...record, used: 20 }],
  ]);
  await records.load();
  records.touch("b" as Digest, 5);
  records.touch("a" as Digest, 5);
  records.add("c" as Digest, { ...record, used: records.timeOfUse(5) });
  const order = (of: BlobRecords) => [...of.candidates()].map(({ digest }) => digest).join("");
  expect(order(records)).toBe("bac");
  const next = startRecords(records.entries().toReversed()).records;
  await next.load();
  expect(order(next)).toBe("bac");
});
