import { open, readdir, rm, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { getSystemErrorName } from "node:util";
import { expect, test } from "vitest";
import { writeFault } from "../../src/store/disk.ts";
import { expectBytes, get, makeBlob, MIB, put, startStore } from "./support/harness.ts";
import { mountDisk, type SmallDisk } from "./support/tmpfs.ts";

/** Leaves no byte free; returns how to free them again. */
async function fill({ dir }: SmallDisk): Promise<() => Promise<void>> {
  const path = join(dir, "filler");
  const full = writeFile(path, Buffer.alloc(64 * MIB));
  await expect(full).rejects.toMatchObject({ code: "ENOSPC" });
  return () => rm(path);
}

test("a disk that fills up in mid-blob: what was there can be read, and the rest goes on when there is room", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store } = await startStore({ dir: join(disk.dir, "store") });
  const blob = makeBlob(4 * MIB);
  const ingest = await store.ingest(blob);
  for (let at = 0; at < MIB; at += 50_000) await ingest.write(blob.bytes.subarray(at, at + 50_000));
  const free = await fill(disk);
  const fault = await writeUntilFault(ingest, blob.bytes);
  expect(fault).toMatchObject({ code: "STORE_FULL", message: expect.stringContaining(`partial/${blob.digest}`) });
  expect(store.usage().problem).toContain("ENOSPC");
  const { received } = ingest;
  expect(received).toBeGreaterThan(MIB);
  for (let at = 0; at < received;) {
    const bytes = await ingest.read(at, MIB);
    expectBytes(bytes, blob.bytes.subarray(at, at + bytes.length));
    at += bytes.length;
  }
  await free();
  await ingest.write(blob.bytes.subarray(received));
  await ingest.commit();
  await ingest.close({ keep: false });
  expectBytes(await get(store, blob.digest), blob.bytes);
  expect(store.usage().problem).toBeUndefined();
});

async function writeUntilFault(
  ingest: { received: number; write(bytes: Buffer): Promise<void> },
  bytes: Buffer,
): Promise<unknown> {
  for (;;) {
    const before = ingest.received;
    try {
      await ingest.write(bytes.subarray(before, before + 50_000));
    } catch (error) {
      expect(ingest.received).toBe(before);
      return error;
    }
  }
}

test("a small blob on a full disk can be verified and read, though not committed, and nothing half is kept", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store, dir } = await startStore({ dir: join(disk.dir, "store") });
  const blob = makeBlob(100_000);
  const ingest = await store.ingest(blob);
  await fill(disk);
  await ingest.write(blob.bytes);
  expect(await ingest.verify()).toBe(true);
  await expect(ingest.commit()).rejects.toMatchObject({ code: "STORE_FULL" });
  expectBytes(await ingest.read(0, blob.size), blob.bytes);
  await ingest.close({ keep: false });
  expect(await readdir(join(dir, "partial"))).toEqual([]);
  expect(await store.find(blob.digest)).toBeUndefined();
});

test("a read-only disk: blobs are served, ingests are refused with what to do", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const first = await startStore({ dir: join(disk.dir, "store") });
  const blob = makeBlob(MIB);
  await put(first.store, blob);
  await disk.remount("ro");
  await expect(put(first.store, makeBlob(10))).rejects.toMatchObject({
    code: "STORE_UNUSABLE",
    message: expect.stringContaining("read-only, remount it"),
  });
  expect(first.store.usage().problem).toContain("EROFS");
  const { store } = await first.restart();
  expectBytes(await get(store, blob.digest), blob.bytes);
  await disk.remount("rw");
  await put(store, makeBlob(10));
  expect(store.usage().problem).toBeUndefined();
});

test("a fault of the disk is told once, however many files it keeps out, and again when it returns", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store, lines } = await startStore({ dir: join(disk.dir, "store") });
  await put(store, makeBlob(10));
  for (const time of [1, 2]) {
    await disk.remount("ro");
    for (const size of [11, 12, 13]) await expect(put(store, makeBlob(size))).rejects.toThrow("EROFS");
    expect(lines.filter((line) => line.includes("read-only, remount it"))).toHaveLength(time);
    await disk.remount("rw");
    await put(store, makeBlob(20 + time));
  }
});

test("a damaged blob on a read-only disk is served no more, though it cannot be removed", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store, lines } = await startStore({ dir: join(disk.dir, "store") });
  const blob = makeBlob(1000);
  await put(store, blob);
  const handle = await open((await store.find(blob.digest))!.path, "r+");
  await handle.write("spoilt");
  await handle.close();
  await disk.remount("ro");
  await expect(get(store, blob.digest)).rejects.toMatchObject({ code: "BLOB_DAMAGED" });
  expect(await store.open(blob.digest)).toBeUndefined();
  expect(lines.join()).toContain("not served any more");
});

test("a lack of open files is told as what it is, not as a fault of the disk", () => {
  const error = Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
  expect(writeFault(error, "/store/partial/1")).toMatchObject({
    code: "STORE_UNUSABLE",
    message:
      "cannot write /store/partial/1 (EMFILE): too many files are open: let distswarm open more, as by ulimit -n",
  });
});

test.each([
  [constants.errno.EDQUOT, { code: "STORE_FULL", message: expect.stringMatching(/EDQUOT.*lower store\.max_size/) }],
  [117, { code: "STORE_UNUSABLE", message: expect.stringMatching(/EUCLEAN.*look at the kernel log/) }],
])("error %i, for which Node has no name, is told as what it is", (errno, told) => {
  const error = Object.assign(new Error("write"), { errno: -errno, code: getSystemErrorName(-errno) });
  expect(writeFault(error, "/store/blobs")).toMatchObject(told);
});
