import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { type BlobRecord, BlobRecords, type TableOperation } from "../../src/store/records.ts";
import { keepLog } from "./support/harness.ts";

const [one, other] = [digestOf(Buffer.from("one")), digestOf(Buffer.from("other"))];
const record: BlobRecord = { size: 1, added: 1, used: 1, sums: "" };

/** Records, and what was written of them: each batch as the kind and key of its operations. */
function startRecords(): { records: BlobRecords; batches: string[][]; disk: { isFull: boolean }; lines: string[] } {
  const batches: string[][] = [];
  const disk = { isFull: false };
  const table = {
    async *iterator() {},
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
  disk.isFull = false;
  await records.flush();
  await records.flush();
  expect(batches).toEqual([[`put ${other}`], [`put ${one}`, `del ${other}`]]);
  expect(lines).toEqual([expect.stringContaining("no space")]);
});
