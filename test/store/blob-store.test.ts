import { type EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { bufferPool } from "../../src/core/buffer-pool.ts";
import { openDatabase } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { FileStore } from "../../src/store/blob-store.ts";
import { flipBit } from "../support/flip-bit.ts";
import { giveAway, unprivileged } from "../support/unprivileged.ts";
import {
  emptyIndex,
  expectBytes,
  get,
  makeBlob,
  MIB,
  outcome,
  put,
  startStore,
  type TestStore,
} from "./support/harness.ts";
import { mountDisk } from "./support/tmpfs.ts";
import { tempDir } from "../support/temp-dir.ts";

function pathOf({ dir }: TestStore, digest: string): string {
  return join(dir, "blobs", digest.slice(0, 2), digest);
}

test("what is not here is not found", async () => {
  const { store } = await startStore();
  expect(await store.find(makeBlob(1).digest)).toBeUndefined();
  expect(await store.open(makeBlob(1).digest)).toBeUndefined();
});

test("a store behind symlinks takes a blob at its first start: its directory, and blobs on another disk", async () => {
  const [real, blobs, links] = [await tempDir(), await tempDir(), await tempDir()];
  const dir = join(links, "store");
  await symlink(real, dir);
  await symlink(blobs, join(real, "blobs"));
  const { store } = await startStore({ dir });
  expect(store.usage().problem).toBeUndefined();
  const blob = makeBlob(1000);
  await put(store, blob);
  expectBytes(await get(store, blob.digest), blob.bytes);
  expect(await readdir(join(blobs, blob.digest.slice(0, 2)))).toEqual([blob.digest]);
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

test("after a restart all is still there, and how long ago it was used", async () => {
  const first = await startStore();
  const [old, fresh] = [makeBlob(MIB, "old"), makeBlob(MIB, "fresh")];
  await put(first.store, fresh);
  await put(first.store, old);
  await get(first.store, fresh.digest);
  const { store } = await first.restart({ maxSize: 2 * MIB });
  expect(store.usage()).toMatchObject({ blobs: 2, bytes: 2 * MIB, maxBytes: 2 * MIB });
  await put(store, makeBlob(MIB, "new"));
  expect(await store.find(old.digest)).toBeUndefined();
  expectBytes(await get(store, fresh.digest), fresh.bytes);
});

test("a lost database is rebuilt from the disk; a blob is held against its digest before its first byte", async () => {
  const first = await startStore();
  const [sound, rotten] = [makeBlob(MIB + 1, "sound"), makeBlob(MIB + 1, "rotten")];
  await put(first.store, sound);
  await put(first.store, rotten);
  await flipBit(pathOf(first, rotten.digest), 10);
  await first.store.stop();
  await first.loseDatabase();
  const box = await first.restart();
  expect(box.store.usage().blobs).toBe(2);
  const answers = await Promise.all([sound, sound, rotten].map(({ digest }) => get(box.store, digest)));
  expectBytes(answers[0], sound.bytes);
  expectBytes(answers[1], sound.bytes);
  expect(answers[2]).toBeUndefined();
  expect(existsSync(pathOf(box, rotten.digest))).toBe(false);
});

test("a start drops what has the wrong size or no file, and leaves strangers alone", async () => {
  const first = await startStore();
  const [cut, gone, whole] = [makeBlob(1000, "cut"), makeBlob(1000, "gone"), makeBlob(1000, "whole")];
  for (const blob of [cut, gone, whole]) await put(first.store, blob);
  await truncate(pathOf(first, cut.digest), 999);
  await rm(pathOf(first, gone.digest));
  const stranger = join(first.dir, "blobs", "README");
  await writeFile(stranger, "hello");
  const box = await first.restart();
  expect(box.store.usage().blobs).toBe(1);
  expectBytes(await get(box.store, whole.digest), whole.bytes);
  expect(existsSync(pathOf(box, cut.digest))).toBe(false);
  expect(existsSync(stranger)).toBe(true);
  expect(box.lines.join()).toContain("is 999 bytes long, not 1000");
});

test("leftovers in partial/ are kept for a week", async () => {
  const first = await startStore();
  const [week, day] = [makeBlob(10, "week"), makeBlob(10, "day")];
  for (const [{ digest }, days] of [[week, 8] as const, [day, 1] as const]) {
    const path = join(first.dir, "partial", digest);
    await writeFile(path, "x");
    const then = Date.now() / 1000 - days * 86_400;
    await utimes(path, then, then);
  }
  await first.restart();
  expect(await readdir(join(first.dir, "partial"))).toEqual([day.digest]);
});

test("a store of an unknown format is refused, and nothing in it is touched", async () => {
  const dir = await tempDir();
  await mkdir(join(dir, "blobs"));
  await writeFile(join(dir, "version"), "7\n");
  const before = await stat(dir);
  const db = await openDatabase(join(await tempDir(), "db"), silentLogger);
  const table = db.sublevel<string, never>("any", { valueEncoding: "json" });
  const store = new FileStore(
    { blobRecords: table, distdirRecords: table, log: silentLogger, index: emptyIndex },
    { dir, maxSize: MIB, minFree: 0 },
  );
  const message = expect.stringMatching(/version says format "7", this distswarm knows format 1/);
  await expect(store.start()).rejects.toMatchObject({ code: "STORE_VERSION", message });
  expect(await readdir(dir)).toEqual(["blobs", "version"]);
  expect((await stat(dir)).mtimeMs).toBe(before.mtimeMs);
  await db.close();
});

test("the files of the format are written anew where a power cut left them empty", async () => {
  const first = await startStore();
  const files = [join(first.dir, "version"), join(first.dir, "blobs", "layout.conf")];
  const texts = await Promise.all(files.map((path) => readFile(path, "utf8")));
  for (const path of files) await truncate(path);
  await first.restart();
  expect(await Promise.all(files.map((path) => readFile(path, "utf8")))).toEqual(texts);
});

test("the store directory may vanish under the running store; the next ingest makes it anew", async () => {
  const box = await startStore();
  const [lost, next] = [makeBlob(5000, "lost"), makeBlob(5000, "next")];
  await put(box.store, lost);
  await rm(box.dir, { recursive: true });
  expect(await box.store.open(lost.digest)).toBeUndefined();
  await put(box.store, next);
  expectBytes(await get(box.store, next.digest), next.bytes);
  expect(await readFile(join(box.dir, "blobs", "layout.conf"), "utf8")).toContain("content-hash");
  expect(await readFile(join(box.dir, "version"), "utf8")).toBe("1\n");
});

test("only blobs/ may vanish too, in the middle of an ingest", async () => {
  const box = await startStore();
  const blob = makeBlob(5000);
  const ingest = await box.store.ingest(blob);
  await ingest.write(blob.bytes);
  await rm(join(box.dir, "blobs"), { recursive: true });
  await ingest.commit();
  await ingest.close({ keep: false });
  expectBytes(await get(box.store, blob.digest), blob.bytes);
  expect(existsSync(join(box.dir, "blobs", "layout.conf"))).toBe(true);
});

test("room is made by evicting the least recently used, never what is read or taken in", async () => {
  const { store } = await startStore({ maxSize: 3 * MIB });
  const [a, b, c, d] = [makeBlob(MIB, "a"), makeBlob(MIB, "b"), makeBlob(MIB, "c"), makeBlob(MIB, "d")];
  await put(store, a);
  await put(store, b);
  const reader = (await store.open(a.digest))!;
  await put(store, c);
  await store.open(b.digest).then((blob) => blob?.close());
  await put(store, d);
  expect(await store.find(a.digest)).toBeDefined();
  expect(await store.find(b.digest)).toBeDefined();
  expect(await store.find(c.digest)).toBeUndefined();
  await reader.close();
});

test("what comes into use while very many are evicted stays", async () => {
  const { store } = await startStore();
  const blobs = Array.from({ length: 150 }, (_, i) => makeBlob(10, `blob ${i}`));
  for (const blob of blobs) await put(store, blob);
  const newest = blobs.at(-1)!.digest;
  const opened = once(store as EventEmitter, "removed").then(() => store.open(newest));
  store.limit({ maxSize: 1, minFree: 0 });
  await expect.poll(() => store.usage().blobs).toBe(1);
  expect(await store.find(newest)).toBeDefined();
  await (await opened)?.close();
});

test("what somebody else vouches for is never evicted, however long it was not used", async () => {
  const kept = makeBlob(MIB, "kept");
  const { store } = await startStore({ maxSize: 2 * MIB }, undefined, {
    isKept: (digest) => digest === kept.digest,
  });
  const [b, c] = [makeBlob(MIB, "b"), makeBlob(MIB, "c")];
  for (const blob of [kept, b, c]) await put(store, blob);
  expect(await store.find(kept.digest)).toBeDefined();
  expect(await store.find(b.digest)).toBeUndefined();
});

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

test("blobs that cannot be removed for others are served on, and do not keep the others from going", async () => {
  const { store, dir, lines } = await startStore({ maxSize: 2 * MIB });
  const [stuck, other] = [makeBlob(MIB, "stuck"), makeBlob(MIB, "other")];
  await put(store, stuck);
  await put(store, other);
  await giveAway(dirname(dir));
  const shard = join(dir, "blobs", stuck.digest.slice(0, 2));
  await chmod(shard, 0o555);
  onTestFinished(() => chmod(shard, 0o755));
  await unprivileged(async () => {
    await expect(store.ingest(makeBlob(MIB, "new"))).rejects.toMatchObject({
      code: "STORE_UNUSABLE",
      message: expect.stringContaining(stuck.digest),
    });
    expect(lines.join()).toContain("EACCES");
    await put(store, makeBlob(MIB, "new"));
    expectBytes(await get(store, stuck.digest), stuck.bytes);
    expect(await store.find(other.digest)).toBeUndefined();
  });
});

test("room is made for what is staged beside the store, or it is refused", async () => {
  const { store } = await startStore({ maxSize: 3 * MIB });
  const [a, b] = [makeBlob(MIB, "a"), makeBlob(MIB, "b")];
  for (const blob of [a, b]) await put(store, blob);
  await store.makeRoom(2 * MIB);
  expect(await store.find(a.digest)).toBeUndefined();
  expect(await store.find(b.digest)).toBeDefined();
  await expect(store.makeRoom(3 * MIB + 1)).rejects.toMatchObject({ code: "STORE_FULL" });
});

test("a partial takes no room twice where Portage has begun the download too", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const distdir = await tempDir();
  const { store, dir } = await startStore({ dir: join(disk.dir, "store"), minFree: MIB / 2, distdir });
  const [other, blob] = [makeBlob(2 * MIB, "other"), makeBlob(4 * MIB)];
  await put(store, other);
  await writeFile(join(dir, "partial", blob.digest), blob.bytes.subarray(0, 3 * MIB));
  await writeFile(join(distdir, "foo.tar.__download__"), blob.bytes.subarray(0, MIB));
  const ingest = await store.ingest({ ...blob, names: ["foo.tar"] });
  expect(ingest.received).toBe(3 * MIB);
  await ingest.close({ keep: false });
  expect(await store.find(other.digest)).toBeDefined();
});

test("on a disk full of broken retrievals the oldest make room, and no more of them than needed", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store, dir } = await startStore({ dir: join(disk.dir, "store"), minFree: MIB / 2 });
  const [old, young, blob] = [makeBlob(4 * MIB, "old"), makeBlob(4 * MIB, "young"), makeBlob(4 * MIB, "blob")];
  for (const { digest, bytes } of [old, young]) {
    await writeFile(join(dir, "partial", digest), bytes.subarray(0, 2.5 * MIB));
  }
  await utimes(join(dir, "partial", old.digest), new Date(), Date.now() / 1000 - 3600);
  await put(store, blob);
  expect(await readdir(join(dir, "partial"))).toEqual([young.digest]);
  expect(store.usage().problem).toBeUndefined();
});

test("what cannot be removed among them does not keep the others there", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store, dir } = await startStore({ dir: join(disk.dir, "store"), minFree: MIB / 2 });
  const stuck = join(dir, "partial", makeBlob(1, "stuck").digest);
  await mkdir(stuck); // a directory is no partial
  await utimes(stuck, new Date(), Date.now() / 1000 - 3600);
  const leftover = join(dir, "partial", makeBlob(1, "leftover").digest);
  await writeFile(leftover, Buffer.alloc(5 * MIB));
  await put(store, makeBlob(4 * MIB, "blob"));
  expect([existsSync(stuck), existsSync(leftover)]).toEqual([true, false]);
});

test("broken retrievals do not go for a blob that max_size has no room for", async () => {
  const { store, dir } = await startStore({ maxSize: 3 * MIB });
  const leftover = join(dir, "partial", makeBlob(1).digest);
  await writeFile(leftover, Buffer.alloc(3 * MIB));
  const first = await store.ingest(makeBlob(2 * MIB, "first"));
  await expect(store.ingest(makeBlob(2 * MIB, "second"))).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(existsSync(leftover)).toBe(true);
  await first.close({ keep: false });
});

test("what cannot fit is refused at once, and nothing is evicted for it", async () => {
  const { store } = await startStore({ maxSize: 2 * MIB });
  const [small, held] = [makeBlob(MIB / 2, "small"), makeBlob(MIB, "held")];
  await put(store, small);
  await put(store, held);
  const reader = (await store.open(held.digest))!;
  await expect(store.ingest(makeBlob(2 * MIB + 1))).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(store.usage().problem).toBeUndefined();
  await expect(store.ingest(makeBlob(2 * MIB))).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(store.usage().problem).toContain("no room for 2.00 MiB");
  expect(await store.find(small.digest)).toBeDefined();
  await reader.close();
  await put(store, makeBlob(2 * MIB));
  expect(store.usage().problem).toBeUndefined();
});

test("ingests in flight count, so that two do not take the same room", async () => {
  const { store } = await startStore({ maxSize: 3 * MIB });
  const first = await store.ingest(makeBlob(2 * MIB, "first"));
  await expect(store.ingest(makeBlob(2 * MIB, "second"))).rejects.toMatchObject({ code: "STORE_FULL" });
  await first.close({ keep: false });
  await (await store.ingest(makeBlob(2 * MIB, "second"))).close({ keep: false });
});

test("what cannot fit does not count against what is asked for beside it", async () => {
  const { store } = await startStore({ maxSize: 12 * MIB });
  const running = await store.ingest(makeBlob(8 * MIB, "running"));
  const asked = [12 * MIB, 5 * MIB, MIB].map((size) => store.ingest(makeBlob(size)));
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  await Promise.all([running, await asked[2]!].map((ingest) => ingest.close({ keep: false })));
});

test("of two that fit only one after the other, one is taken in", async () => {
  const { store } = await startStore({ maxSize: 3 * MIB });
  const asked = ["one", "other"].map((seed) => store.ingest(makeBlob(2 * MIB, seed)));
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  for (const outcome of outcomes) if (outcome.status === "fulfilled") await outcome.value.close({ keep: false });
});

test("a directory that cannot be made is told in one line, and stays the reason whatever is asked for", async () => {
  const dir = "/proc/distswarm/store"; // nobody can make anything there, root neither
  const { store, lines } = await startStore({ dir });
  expect(lines).toEqual([expect.stringContaining(`cannot write ${dir} (ENOENT)`)]);
  await expect(store.ingest(makeBlob(10))).rejects.toMatchObject({ code: "STORE_UNUSABLE", message: lines[0] });
  expect(store.usage().problem).toBe(lines[0]);
  expect(lines).toHaveLength(1);
});

test("where partial/ cannot be looked into, what is there is served all the same, and gc says why it cannot go on", async () => {
  const first = await startStore();
  const blob = makeBlob(1000);
  await put(first.store, blob);
  const partials = join(first.dir, "partial");
  await giveAway(dirname(first.dir));
  await chmod(partials, 0);
  onTestFinished(() => chmod(partials, 0o755));
  await unprivileged(async () => {
    const { store } = await first.restart();
    expectBytes(await get(store, blob.digest), blob.bytes);
    const { signal } = new AbortController();
    await expect(outcome(store.gc({ dryRun: true }, signal))).rejects.toMatchObject({
      code: "STORE_UNUSABLE",
      message: expect.stringContaining(`cannot read ${partials} (EACCES)`),
    });
  });
});

test("a store that would leave too little free space takes nothing in", async () => {
  const { store } = await startStore({ minFree: Number.MAX_SAFE_INTEGER });
  await expect(store.ingest(makeBlob(10))).rejects.toMatchObject({
    code: "STORE_FULL",
    message: expect.stringContaining("store.min_free"),
  });
});
