import { type EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { giveAway, unprivileged } from "../support/unprivileged.ts";
import { expectBytes, get, makeBlob, MIB, put, startStore } from "./support/harness.ts";
import { mountDisk } from "./support/tmpfs.ts";
import { tempDir } from "../support/temp-dir.ts";

test("room is made by evicting the least recently used, never what is read or taken in", async () => {
  const { store } = await startStore({ maxSize: 3 * MIB });
  const [a, b, c, d] = [makeBlob(MIB, "a"), makeBlob(MIB, "b"), makeBlob(MIB, "c"), makeBlob(MIB, "d")];
  await put(store, a);
  await put(store, b);
  const reader = (await store.open(a.digest))!;
  await store.open(a.digest).then((another) => another?.close());
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

test("on a full disk, a broken retrieval that cannot be removed does not keep the others there", async (context) => {
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

test("what cannot fit is refused at once, and nothing is evicted for it, nor lost of it", async () => {
  const { store, dir } = await startStore({ maxSize: 2 * MIB });
  const [small, held] = [makeBlob(MIB / 2, "small"), makeBlob(MIB, "held")];
  await put(store, small);
  await put(store, held);
  const reader = (await store.open(held.digest))!;
  await expect(store.ingest(makeBlob(2 * MIB + 1))).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(store.usage().problem).toBeUndefined();
  const large = makeBlob(2 * MIB);
  await writeFile(join(dir, "partial", large.digest), large.bytes.subarray(0, MIB));
  await expect(store.ingest(large)).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(existsSync(join(dir, "partial", large.digest))).toBe(true);
  expect(store.usage().problem).toContain("no room for 2.00 MiB");
  expect(await store.find(small.digest)).toBeDefined();
  await reader.close();
  await put(store, large);
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

test("a store that would leave too little free space takes nothing in", async () => {
  const { store } = await startStore({ minFree: Number.MAX_SAFE_INTEGER });
  await expect(store.ingest(makeBlob(10))).rejects.toMatchObject({
    code: "STORE_FULL",
    message: expect.stringContaining("store.min_free"),
  });
});
