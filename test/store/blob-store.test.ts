import { existsSync } from "node:fs";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import * as fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { bufferPool } from "../../src/core/data/buffer-pool.ts";
import { OpenFile } from "../../src/store/open-file.ts";
import { flipBit } from "../support/flip-bit.ts";
import { expectBytes, get, makeBlob, MIB, pathOf, put, startStore } from "./support/harness.ts";

test("what is not here is not found", async () => {
  const { store } = await startStore();
  expect(await store.find(makeBlob(1).digest)).toBeUndefined();
  expect(await store.open(makeBlob(1).digest)).toBeUndefined();
});

test("any range comes out as it went in", async () => {
  const { store } = await startStore();
  const blob = makeBlob(2 * MIB + 1234);
  await put(store, blob);
  const edge = fc.oneof(fc.nat(blob.size + 10), fc.constantFrom(MIB - 1, MIB, MIB + 1, 2 * MIB, blob.size));
  await fc.assert(
    fc.asyncProperty(edge, edge, async (start, end) => {
      expectBytes(await get(store, blob.digest, { start, end }), blob.bytes.subarray(start, Math.max(start, end)));
    }),
    { numRuns: 50 },
  );
});

test("lent buffers stay as they are until two more were asked for; all others for good", async () => {
  const { store } = await startStore();
  const blob = makeBlob(9 * MIB + 3);
  await put(store, blob);
  const reader = (await store.open(blob.digest))!;
  let previous: { bytes: Buffer; start: number } | undefined;
  let start = 10;
  for await (const bytes of reader.read({ start, end: blob.size }, { lend: bufferPool.lend() })) {
    await new Promise(setImmediate); // time for what is being read ahead
    if (previous) expectBytes(previous.bytes, blob.bytes.subarray(previous.start, start));
    previous = { bytes, start };
    expectBytes(bytes, blob.bytes.subarray(start, start + bytes.length));
    start += bytes.length;
  }
  expect(start).toBe(blob.size);
  await reader.close();
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("events tell what can be opened and what no longer, and the list agrees", async () => {
  const box = await startStore();
  const told: string[] = [];
  box.store.on("added", (info) => told.push(`added ${info.digest}`));
  box.store.on("removed", (digest) => told.push(`removed ${digest}`));
  const blob = makeBlob(1000);
  await put(box.store, blob);
  const listed: string[] = [];
  for await (const info of box.store.list()) listed.push(info.digest);
  expect(listed).toEqual([blob.digest]);
  await rm(pathOf(box, blob.digest));
  expect(await box.store.open(blob.digest)).toBeUndefined();
  expect(await box.store.find(blob.digest)).toBeUndefined();
  expect(told).toEqual([`added ${blob.digest}`, `removed ${blob.digest}`]);
});

test("a flipped bit is noticed before any byte of its chunk is given out, and the blob is dropped", async () => {
  const box = await startStore();
  const blob = makeBlob(3 * MIB);
  await put(box.store, blob);
  await flipBit(pathOf(box, blob.digest), MIB + 77);
  const reader = (await box.store.open(blob.digest))!;
  const chunks = reader.read();
  expectBytes((await chunks[Symbol.asyncIterator]().next()).value as Buffer, blob.bytes.subarray(0, MIB));
  await expect(get(box.store, blob.digest, { start: MIB + 500, end: MIB + 501 })).rejects.toMatchObject({
    code: "BLOB_DAMAGED",
    message: expect.stringContaining("chunk 2 of 3 differs"),
  });
  await reader.close();
  expect(await box.store.open(blob.digest)).toBeUndefined();
  expect(existsSync(pathOf(box, blob.digest))).toBe(false);
  expect(box.lines.join()).toContain(`${blob.digest}: chunk 2 of 3 differs from its sum`);
});

test("a blob that was cut short is dropped when it is read", async () => {
  const box = await startStore();
  const blob = makeBlob(2 * MIB);
  await put(box.store, blob);
  await truncate(pathOf(box, blob.digest), MIB + 5);
  await expect(get(box.store, blob.digest)).rejects.toMatchObject({ code: "BLOB_DAMAGED" });
  expect(await box.store.find(blob.digest)).toBeUndefined();
});

test("a blob that the disk cannot open is dropped; one that this box may not open now is not", async () => {
  const { store } = await startStore();
  const blob = makeBlob(1000);
  await put(store, blob);
  const open = vi.spyOn(OpenFile, "open");
  onTestFinished(() => open.mockRestore());
  for (const [code, isLeft] of [
    ["EMFILE", true],
    ["EIO", false],
  ] as const) {
    open.mockImplementation(() => {
      throw Object.assign(new Error(code), { code });
    });
    expect(await store.open(blob.digest)).toBeUndefined();
    expect((await store.find(blob.digest)) !== undefined).toBe(isLeft);
  }
});

test("a reader of the damaged file does not drop the sound one that took its place", async () => {
  const box = await startStore();
  const blob = makeBlob(2 * MIB);
  await put(box.store, blob);
  const early = (await box.store.open(blob.digest))!;
  await flipBit(pathOf(box, blob.digest), 3);
  await expect(get(box.store, blob.digest)).rejects.toMatchObject({ code: "BLOB_DAMAGED" });
  await put(box.store, blob);
  await expect(early.read()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "BLOB_DAMAGED" });
  await early.close();
  expectBytes(await get(box.store, blob.digest), blob.bytes);
});

test("a reader that is closed in the middle of a read harms nothing", async () => {
  const { store } = await startStore();
  const blob = makeBlob(8 * MIB);
  await put(store, blob);
  const reader = (await store.open(blob.digest))!;
  const chunks = reader.read()[Symbol.asyncIterator]();
  await chunks.next();
  await reader.close();
  await expect(drain(chunks)).rejects.toThrow("the file is closed");
  expectBytes(await get(store, blob.digest), blob.bytes);
});

async function drain(chunks: AsyncIterator<Buffer>): Promise<void> {
  while (!(await chunks.next()).done);
}

test("a blob can be taken out, and that is told", async () => {
  const { store, dir } = await startStore();
  const blob = makeBlob(MIB);
  await put(store, blob);
  const removed: string[] = [];
  store.on("removed", (digest) => removed.push(digest));
  for (const _ of ["once", "again"]) await store.remove(blob.digest);
  expect(removed).toEqual([blob.digest]);
  expect(await store.find(blob.digest)).toBeUndefined();
  expect(existsSync(join(dir, "blobs", blob.digest.slice(0, 2), blob.digest))).toBe(false);
});

test("a blob that is taken out while the same one comes in anew takes no file with it but its own", async () => {
  const { store, dir, lines } = await startStore();
  const blob = makeBlob(10_000);
  const path = join(dir, "blobs", blob.digest.slice(0, 2), blob.digest);
  await put(store, blob);
  for (let round = 0; round < 60; round += 1) {
    const ingest = await store.ingest(blob);
    await ingest.write(blob.bytes);
    const committed = ingest.commit();
    for (let turn = 0; turn < round % 20; turn += 1) await turnOfTheLoop();
    await Promise.all([committed, store.remove(blob.digest)]);
    await ingest.close({ keep: false });
    if ((await store.find(blob.digest)) !== undefined) expectBytes(await get(store, blob.digest), blob.bytes);
    expect(existsSync(path)).toBe((await store.find(blob.digest)) !== undefined);
  }
  expect(lines).toEqual([]);
});
