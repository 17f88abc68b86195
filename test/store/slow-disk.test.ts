import { execFile } from "node:child_process";
import type * as nodeFs from "node:fs";
import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { bufferPool } from "../../src/core/data/buffer-pool.ts";
import { tempDir } from "../support/temp-dir.ts";
import { expectBytes, get, makeBlob, put, startStore } from "./support/harness.ts";

/** The threads that Node has for files. */
const THREADS = 4;

/** What fsync(2) opens first while the disk is slow: a FIFO, which keeps its thread until somebody writes there. */
const disk = vi.hoisted(() => ({ gate: undefined as string | undefined, waiting: 0 }));

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof nodeFs>();
  const fsync = (fd: number, done: (error: Error | null) => void): void => {
    if (disk.gate === undefined) return fs.fsync(fd, done);
    disk.waiting += 1;
    fs.open(disk.gate, "r", (error, gate) => {
      disk.waiting -= 1;
      if (error === null) fs.closeSync(gate);
      fs.fsync(fd, done);
    });
  };
  return { ...fs, fsync };
});

/** From now on no fsync ends, until the returned function is called. */
async function stopDisk(): Promise<() => Promise<void>> {
  const gate = join(await tempDir(), "gate");
  await promisify(execFile)("mkfifo", [gate]);
  disk.gate = gate;
  const goOn = async (): Promise<void> => {
    disk.gate = undefined;
    const writer = openSync(gate, constants.O_RDWR); // waits for no reader, and readers do not wait beside it: fifo(7)
    await expect.poll(() => disk.waiting).toBe(0);
    closeSync(writer);
  };
  onTestFinished(goOn);
  return goOn;
}

test("however many commits wait for the disk, what is here can be read, and more is taken in", async () => {
  const { store, dir } = await startStore();
  const here = makeBlob(100_000, "here");
  await put(store, here);
  const goOn = await stopDisk();
  const blobs = Array.from({ length: 2 * THREADS }, (_, at) => makeBlob(10_000, at));
  const commits = blobs.map((blob) => put(store, blob));
  await expect.poll(() => readdirSync(join(dir, "partial"))).toHaveLength(blobs.length);

  expectBytes(await get(store, here.digest), here.bytes);
  await goOn();
  await Promise.all(commits);
  for (const blob of blobs) expectBytes(await get(store, blob.digest), blob.bytes);
});

test("what waits for the disk keeps no memory, and is read all the same", async () => {
  const { store } = await startStore();
  const blob = makeBlob(60_000);
  const ingest = await store.ingest(blob);
  await ingest.write(blob.bytes);
  const goOn = await stopDisk();
  const given = vi.spyOn(bufferPool, "give");
  const commit = ingest.commit();
  await expect.poll(() => disk.waiting).toBeGreaterThan(0);
  expect(given).toHaveBeenCalledOnce();
  expectBytes(await ingest.read(0, blob.size), blob.bytes);
  await goOn();
  await commit;
  await ingest.close({ keep: false });
});
