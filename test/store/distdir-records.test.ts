import { expect, test } from "vitest";
import { type DistdirRecord, DistdirRecords } from "../../src/store/distdir-records.ts";
import type { TableOperation } from "../../src/store/table-writer.ts";
import { keepLog, makeBlob } from "./support/harness.ts";

const file: DistdirRecord = { digest: makeBlob(1).digest, sums: "", inode: 1, size: 1, modified: 1, named: true };

/** Records of `/distfiles`, and what was written of them: each batch as the kind and key of its operations. */
function startRecords() {
  const batches: string[][] = [];
  const disk = { isFull: false };
  const table = {
    async *iterator() {},
    async batch(operations: TableOperation<DistdirRecord>[]) {
      if (disk.isFull) throw new Error("no space");
      batches.push(operations.map(({ type, key }) => `${type} ${key}`));
    },
  };
  const { log, lines } = keepLog();
  return { records: new DistdirRecords({ table, log }, { dir: "/distfiles" }), batches, disk, lines };
}

test("what changes while nothing is awaited is written in one batch", async () => {
  const { records, batches } = startRecords();
  records.put("a", file);
  records.put("b", file);
  records.delete("a");
  await records.flush();
  expect(batches).toEqual([["del /distfiles/a", "put /distfiles/b"]]);
});

test("what could not be written is told once, however many files it is, and written with the next change", async () => {
  const { records, batches, disk, lines } = startRecords();
  disk.isFull = true;
  for (const name of ["a", "b", "c"]) {
    records.put(name, file);
    await records.flush();
  }
  expect(lines).toEqual(["cannot write DISTDIR records (no space); it is tried again"]);
  disk.isFull = false;
  records.put("d", file);
  await records.flush();
  expect(batches).toEqual([["a", "b", "c", "d"].map((name) => `put /distfiles/${name}`)]);
});
