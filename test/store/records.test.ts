import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { type BlobRecord, BlobRecords, type TableOperation } from "../../src/store/records.ts";

const [one, other] = [digestOf(Buffer.from("one")), digestOf(Buffer.from("other"))];
const record: BlobRecord = { size: 1, added: 1, used: 1, sums: "" };

/** Records, and what was written of them: each batch as the kind and key of its operations. */
function startRecords(): { records: BlobRecords; batches: string[][] } {
  const batches: string[][] = [];
  const table = {
    async *iterator() {},
    async batch(operations: TableOperation<BlobRecord>[]) {
      batches.push(operations.map(({ type, key }) => `${type} ${key}`));
    },
  };
  return { records: new BlobRecords({ table, log: silentLogger }), batches };
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
