import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { DistswarmError } from "../../src/core/errors.ts";
import { syncDir } from "../../src/core/fs/sync-dir.ts";
import { StoreDirs } from "../../src/store/store-dirs.ts";
import { HashThread } from "../../src/store/hash-thread.ts";
import { FileIngest } from "../../src/store/ingest.ts";
import { storePaths } from "../../src/store/layout.ts";
import { OpenFile } from "../../src/store/open-file.ts";
import { expectBytes, get, makeBlob, MIB, pathOf, put, startStore, type TestBlob } from "./support/harness.ts";
import { tempDir } from "../support/temp-dir.ts";
import { giveAway, unprivileged } from "../support/unprivileged.ts";

vi.mock("../../src/core/fs/sync-dir.ts", { spy: true });

test("a committed blob lies where Portage looks for it, readable by all, whatever the umask", async () => {
  const umask = process.umask(0o077);
  try {
    const { store, dir } = await startStore();
    const blob = makeBlob(300_000);
    await put(store, blob);
    const path = pathOf({ dir }, blob.digest);
    expectBytes(await readFile(path), blob.bytes);
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    for (const part of ["", "blobs", join("blobs", blob.digest.slice(0, 2))]) {
      expect((await stat(join(dir, part))).mode & 0o777).toBe(0o755);
    }
    expect(await readFile(join(dir, "blobs", "layout.conf"), "utf8")).toBe("[structure]\n0=content-hash BLAKE2B 8\n");
  } finally {
    process.umask(umask);
  }
});

test.each([0, 1, 262_144, MIB, 3 * MIB + 17])("a blob of %i bytes goes in and comes out", async (size) => {
  const { store } = await startStore();
  const blob = makeBlob(size);
  await put(store, blob);
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("a blob so large that a thread hashes it goes in, is resumed, and is begun again", async () => {
  const { store, restart } = await startStore();
  const blob = makeBlob(40 * MIB);
  const first = await store.ingest(blob);
  await first.write(blob.bytes.subarray(0, 13 * MIB + 5));
  await first.close({ keep: true });
  const again = await restart();
  const resumed = await again.store.ingest(blob);
  expect(resumed.received).toBe(13 * MIB + 5);
  await resumed.write(Buffer.alloc(blob.size - resumed.received));
  expect(await resumed.verify()).toBe(false);
  await resumed.restart();
  await resumed.write(blob.bytes);
  expect(await resumed.verify()).toBe(true);
  await resumed.commit();
  await resumed.close({ keep: true });
  expectBytes(await get(again.store, blob.digest), blob.bytes);
});

/** An ingest of 40 MiB by itself, with the faults that it tells of. */
async function openLarge(hashThread: Pick<HashThread, "open">): Promise<{
  ingest: FileIngest;
  blob: TestBlob;
  path: string;
  faults: string[];
}> {
  const paths = storePaths(await tempDir());
  const dirs = new StoreDirs(paths);
  await dirs.prepare();
  const blob = makeBlob(40 * MIB);
  const faults: string[] = [];
  const ingest = await FileIngest.open(
    {
      dirs,
      hashThread,
      commit: (_sums, place) => place(),
      wrote: (fault) => void (fault && faults.push(fault.message)),
      released: () => {},
    },
    blob,
  );
  return { ingest, blob, path: paths.blob(blob.digest), faults };
}

test.each([
  ["while a blob comes in", 13 * MIB],
  ["at its end", 40 * MIB],
])("the hashing thread dies %s: it is told, and all is hashed on the spot", async (_, at) => {
  const hashThread = new HashThread();
  onTestFinished(() => hashThread.stop());
  const { ingest, blob, path, faults } = await openLarge(hashThread);
  await ingest.write(blob.bytes.subarray(0, at));
  await hashThread.stop();
  await ingest.write(blob.bytes.subarray(at));
  expect(await ingest.verify()).toBe(true);
  await ingest.commit();
  await ingest.close({ keep: false });
  expect(faults).toEqual([expect.stringContaining("the hashing thread ended")]);
  expectBytes(await readFile(path), blob.bytes);
});

test("where the system gives no thread, a large blob is hashed on the spot", async () => {
  const open = (): never => {
    throw new DistswarmError("STORE_UNUSABLE", "no thread");
  };
  const { ingest, blob, path, faults } = await openLarge({ open });
  await ingest.write(blob.bytes);
  await ingest.commit();
  await ingest.close({ keep: false });
  expect(faults).toEqual(["no thread"]);
  expectBytes(await readFile(path), blob.bytes);
});

test("bytes can be read as soon as they are written, however small the pieces", async () => {
  const { store } = await startStore();
  const blob = makeBlob(600_000);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 12 }), async (pieces) => {
      const ingest = await store.ingest(blob);
      for (const piece of pieces) {
        const from = ingest.received;
        await ingest.write(blob.bytes.subarray(from, from + piece));
        expect(ingest.received).toBe(Math.min(from + piece, blob.size));
        let at = Math.max(0, from - 1000);
        while (at < ingest.received) {
          const read = await ingest.read(at, 100_000);
          expect(read.equals(blob.bytes.subarray(at, at + read.length)) && read.length > 0).toBe(true);
          at += read.length;
        }
      }
      await ingest.close({ keep: false });
    }),
    { numRuns: 30 },
  );
});

test("what was read stays as it was while more is written", async () => {
  const { store } = await startStore();
  const blob = makeBlob(900_000);
  const ingest = await store.ingest(blob);
  await ingest.write(blob.bytes.subarray(0, 100_000));
  const early = await ingest.read(0, 100_000);
  for (let at = 100_000; at < blob.size; at += 100_000) await ingest.write(blob.bytes.subarray(at, at + 100_000));
  expectBytes(early, blob.bytes.subarray(0, 100_000));
  await ingest.close({ keep: false });
});

test.each([
  ["only its beginning", MIB + 5],
  ["all of it", 3 * MIB],
])("a partial is resumed after a restart, also when %s reached the disk", async (_, present) => {
  const first = await startStore();
  const blob = makeBlob(3 * MIB);
  const ingest = await first.store.ingest(blob);
  await ingest.write(blob.bytes);
  await ingest.close({ keep: true });
  await truncate(join(first.dir, "partial", blob.digest), present);

  const { store } = await first.restart();
  const resumed = await store.ingest(blob);
  expect(resumed.received).toBe(present);
  await resumed.write(blob.bytes.subarray(present));
  await resumed.commit();
  expectBytes(await resumed.read(MIB, 10), blob.bytes.subarray(MIB, MIB + 10));
  await resumed.close({ keep: true });
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("what an ingest dropped when it began again is not resumed", async () => {
  const { store } = await startStore();
  const blob = makeBlob(3 * MIB);
  const wrong = await store.ingest(blob);
  await wrong.write(Buffer.alloc(2 * MIB));
  await wrong.close({ keep: true });
  const again = await store.ingest(blob);
  await again.restart();
  await again.write(blob.bytes.subarray(0, 1000));
  await again.close({ keep: true });
  const next = await store.ingest(blob);
  expect(next.received).toBe(1000);
  await next.close({ keep: false });
});

test("a partial longer than its blob is started over", async () => {
  const { store, dir } = await startStore();
  const blob = makeBlob(1000);
  await writeFile(join(dir, "partial", blob.digest), Buffer.alloc(1001));
  const ingest = await store.ingest(blob);
  expect(ingest.received).toBe(0);
  await ingest.close({ keep: false });
});

test.each([
  ["is a symlink", (path: string, elsewhere: string) => symlink(elsewhere, path)],
  ["may not be written", (path: string) => writeFile(path, "some", { mode: 0o400 })],
])("a partial that %s gives way to a new one", async (_, leave) => {
  const { store, dir } = await startStore();
  const blob = makeBlob(1000);
  const elsewhere = join(dirname(dir), "elsewhere");
  await writeFile(elsewhere, "somebody's");
  await leave(join(dir, "partial", blob.digest), elsewhere);
  await giveAway(dirname(dir));
  await unprivileged(() => put(store, blob));
  expectBytes(await get(store, blob.digest), blob.bytes);
  expect(await readFile(elsewhere, "utf8")).toBe("somebody's");
});

test("wrong bytes are never committed, and restart takes the right ones", async () => {
  const { store, dir } = await startStore();
  const blob = makeBlob(100_000);
  const ingest = await store.ingest(blob);
  await ingest.write(Buffer.alloc(blob.size));
  expect(await ingest.verify()).toBe(false);
  await expect(ingest.commit()).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  expect(existsSync(pathOf({ dir }, blob.digest))).toBe(false);
  await ingest.restart();
  await ingest.write(blob.bytes);
  await ingest.commit();
  await ingest.close({ keep: false });
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("more bytes than the blob has are refused, and nothing of them counts", async () => {
  const { store } = await startStore();
  const blob = makeBlob(1000);
  const ingest = await store.ingest(blob);
  await ingest.write(blob.bytes.subarray(0, 900));
  await expect(ingest.write(Buffer.alloc(101))).rejects.toMatchObject({ code: "BAD_LENGTH" });
  expect(await ingest.verify()).toBe(false);
  await ingest.write(blob.bytes.subarray(900));
  expect(await ingest.verify()).toBe(true);
  await ingest.close({ keep: false });
});

test("a second ingest of the same blob waits until the first has ended", async () => {
  const { store } = await startStore();
  const blob = makeBlob(50_000);
  const first = await store.ingest(blob);
  await first.write(blob.bytes.subarray(0, 20_000));
  const second = store.ingest(blob);
  await first.close({ keep: true });
  expect((await second).received).toBe(20_000);
  await (await second).close({ keep: false });
});

test("a committed ingest makes way for the next one, however long it is read, and ends without a trace", async () => {
  const { store } = await startStore();
  const blob = makeBlob(3 * MIB);
  const first = await store.ingest(blob);
  await first.write(blob.bytes);
  await first.commit();
  await store.remove(blob.digest);
  const next = await store.ingest(blob);
  for (let at = 0; at < blob.size; at += MIB) await next.write(blob.bytes.subarray(at, at + MIB));
  expectBytes(await first.read(100, 3), blob.bytes.subarray(100, 103));
  await first.close({ keep: false });
  await next.commit();
  await next.close({ keep: false });
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("a detached ingest makes way for the next one and can still be read", async () => {
  const { store } = await startStore();
  const blob = makeBlob(500_000);
  const wrong = await store.ingest(blob);
  await wrong.write(Buffer.alloc(blob.size, 7));
  await wrong.detach();
  await put(store, blob);
  expectBytes(await wrong.read(100, 3), Buffer.alloc(3, 7));
  await wrong.close({ keep: false });
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test.each([
  ["of a blob", true],
  ["of its directory", false],
])("a name %s that cannot be made durable is taken back; the commit goes through when it can", async (_, hasShard) => {
  const { store, dir } = await startStore();
  const blob = makeBlob(1000);
  const shard = join(dir, "blobs", blob.digest.slice(0, 2));
  if (hasShard) await mkdir(shard);
  const ingest = await store.ingest(blob);
  await ingest.write(blob.bytes);
  const repair = failDirectorySyncs();
  await expect(ingest.commit()).rejects.toMatchObject({
    code: "STORE_UNUSABLE",
    message: expect.stringContaining("EIO"),
  });
  expect(await store.find(blob.digest)).toBeUndefined();
  expect([existsSync(shard), existsSync(join(shard, blob.digest))]).toEqual([hasShard, false]);
  expect(store.usage()).toMatchObject({ blobs: 0, problem: expect.stringContaining("EIO") });
  repair();
  await ingest.commit();
  await ingest.close({ keep: false });
  expectBytes(await get(store, blob.digest), blob.bytes);
  expect(store.usage()).not.toHaveProperty("problem");
});

/** Has the sync of every directory fail, until the returned function is called. */
function failDirectorySyncs(): () => void {
  const failing = vi.mocked(syncDir);
  failing.mockRejectedValue(Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" }));
  onTestFinished(() => void failing.mockReset());
  return () => failing.mockReset();
}

test("an ingest closed without keeping leaves nothing behind", async () => {
  const { store, dir } = await startStore();
  const blob = makeBlob(2 * MIB);
  const ingest = await store.ingest(blob);
  await ingest.write(blob.bytes);
  await ingest.close({ keep: false });
  await ingest.close({ keep: false });
  expect(existsSync(join(dir, "partial", blob.digest))).toBe(false);
});

test("an ingest that is closed while its first bytes are on their way leaves nothing behind either", async () => {
  const { store, dir } = await startStore();
  const create = OpenFile.create.bind(OpenFile);
  let goOn = (): void => {};
  const going = new Promise<void>((resolve) => (goOn = resolve));
  vi.spyOn(OpenFile, "create").mockImplementationOnce((path, mode) => going.then(() => create(path, mode)));
  onTestFinished(() => void vi.restoreAllMocks());
  const blob = makeBlob(2 * MIB);
  const ingest = await store.ingest(blob);
  for (let at = 0; at < MIB / 2; at += MIB / 8) await ingest.write(blob.bytes.subarray(at, at + MIB / 8));
  expect(OpenFile.create).toHaveBeenCalled();
  const closed = ingest.close({ keep: false });
  await stat(join(dir, "partial")); // what was begun before it has had its time
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  goOn();
  await closed;
  expect(await readdir(join(dir, "partial"))).toEqual([]);
});

test("a blob counts as being taken in from the call on: a client whose bytes pass waits for nobody else's download", async () => {
  const { store } = await startStore();
  const blob = makeBlob(1000);
  const opening = store.ingest(blob);
  expect(store.isIngesting(blob.digest)).toBe(true);
  await (await opening).close({ keep: false });
});
