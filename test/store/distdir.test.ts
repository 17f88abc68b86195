import { execFile } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";
import { lutimes, mkdir, readlink, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { BlobInfo } from "../../src/core/blob-store.ts";
import type { Distfile } from "../../src/core/distfile.ts";
import { mayBeDistfile } from "../../src/store/distdir-names.ts";
import { expectBytes, get, makeBlob, MIB, put, startStore, type TestBlob, type TestStore } from "./support/harness.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A store beside a DISTDIR, with an index that tests fill. */
interface Box extends TestStore {
  readonly distdir: string;
  readonly known: Map<string, TestBlob>;
  /** Names looked up so far. */
  readonly asked: string[];
}

async function startBox(init: { maxSize?: number; distdir?: string } = {}): Promise<Box> {
  const distdir = init.distdir ?? (await tempDir());
  const known = new Map<string, TestBlob>();
  const asked: string[] = [];
  const lookup = async (name: string): Promise<Distfile[]> => {
    asked.push(name);
    const blob = known.get(name);
    return blob === undefined ? [] : [{ name, size: blob.size, digest: blob.digest }];
  };
  return { ...(await startStore({ distdir, ...init }, lookup)), distdir, known, asked };
}

/** Puts a distfile in place as Portage does. */
async function portageFetches(box: Box, name: string, blob: TestBlob): Promise<void> {
  box.known.set(name, blob);
  await writeFile(join(box.distdir, `${name}.__download__`), blob.bytes);
  await rename(join(box.distdir, `${name}.__download__`), join(box.distdir, name));
}

async function added(box: Box): Promise<BlobInfo> {
  const [info] = (await once(box.store as EventEmitter, "added")) as [BlobInfo];
  return info;
}

test("a file that Portage fetched by itself is shared from where it lies", async () => {
  const box = await startBox();
  const blob = makeBlob(MIB + 9);
  const [info] = await Promise.all([added(box), portageFetches(box, "foo-1.tar.xz", blob)]);
  expect(info).toEqual({
    digest: blob.digest,
    size: blob.size,
    where: "distdir",
    path: join(box.distdir, "foo-1.tar.xz"),
  });
  expectBytes(await get(box.store, blob.digest, { start: 5, end: MIB + 7 }), blob.bytes.subarray(5, MIB + 7));
  expect(box.store.usage()).toMatchObject({ blobs: 0, distdirBlobs: 1, distdirBytes: blob.size });
});

test("after a restart it is shared at once, without being hashed or looked up again", async () => {
  const first = await startBox();
  const blob = makeBlob(5000);
  await Promise.all([added(first), portageFetches(first, "foo-1.tar.xz", blob)]);
  first.asked.length = 0;
  const { store } = await first.restart();
  expect((await store.find(blob.digest))?.where).toBe("distdir");
  expectBytes(await get(store, blob.digest), blob.bytes);
  await store.rescan();
  expect(first.asked).toEqual([]);
});

test("a file that changed is not served, and is hashed again", async () => {
  const box = await startBox();
  const [old, young] = [makeBlob(5000, "old"), makeBlob(5000, "young")];
  await Promise.all([added(box), portageFetches(box, "foo-1.tar.xz", old)]);
  const rehashed = added(box);
  box.known.set("foo-1.tar.xz", young);
  await writeFile(join(box.distdir, "foo-1.tar.xz"), young.bytes);
  expect(await box.store.open(old.digest)).toBeUndefined();
  expect((await rehashed).digest).toBe(young.digest);
  expect(await box.store.find(old.digest)).toBeUndefined();
});

test("a file that rots without a change of its times is not served beyond the rot", async () => {
  const box = await startBox();
  const blob = makeBlob(5000);
  const path = join(box.distdir, "foo-1.tar.xz");
  const then = Math.floor(Date.now() / 1000) - 1000;
  box.known.set("foo-1.tar.xz", blob);
  await writeFile(path, blob.bytes);
  await utimes(path, then, then);
  while ((await box.store.find(blob.digest)) === undefined) await added(box);
  await writeFile(path, Buffer.from(blob.bytes).fill(0, 4999), { flag: "r+" });
  await utimes(path, then, then);
  await expect(get(box.store, blob.digest)).rejects.toMatchObject({ code: "BLOB_DAMAGED" });
  expect(await box.store.find(blob.digest)).toBeUndefined();
  expect(existsSync(path)).toBe(true);
});

test("a FIFO in place of a shared file holds nothing up", async () => {
  const box = await startBox();
  const blob = makeBlob(5000);
  const path = join(box.distdir, "foo-1.tar.xz");
  await Promise.all([added(box), portageFetches(box, "foo-1.tar.xz", blob)]);
  await rm(path);
  await promisify(execFile)("mkfifo", [path]);
  expect(await box.store.open(blob.digest)).toBeUndefined();
});

test("a FIFO in place of a file that waits to be hashed holds nothing up either", async () => {
  const box = await startBox();
  const [waiting, behind] = [makeBlob(5000, "waiting"), makeBlob(5000, "behind")];
  box.known.set("large.tar", { ...waiting, size: 32 * MIB });
  await writeFile(join(box.distdir, "large.tar"), Buffer.alloc(32 * MIB));
  await box.store.rescan();
  await portageFetches(box, "waiting.tar", waiting);
  await box.store.rescan();
  await portageFetches(box, "behind.tar", behind);
  await rm(join(box.distdir, "waiting.tar"));
  await promisify(execFile)("mkfifo", [join(box.distdir, "waiting.tar")]);
  await expect.poll(() => box.store.find(behind.digest)).toBeDefined();
  expect(await box.store.find(waiting.digest)).toBeUndefined();
});

test("a file that is removed is no longer there", async () => {
  const box = await startBox();
  const blob = makeBlob(5000);
  await Promise.all([added(box), portageFetches(box, "foo-1.tar.xz", blob)]);
  await Promise.all([once(box.store as EventEmitter, "removed"), rm(join(box.distdir, "foo-1.tar.xz"))]);
  expect(await box.store.open(blob.digest)).toBeUndefined();
});

test("files that no Manifest names are left alone until a rescan finds them named", async () => {
  const distdir = await tempDir();
  const blob = makeBlob(5000);
  await writeFile(join(distdir, "foo-1.tar.xz"), blob.bytes);
  await writeFile(join(distdir, "short.tar.xz"), "too short");
  const box = await startBox({ distdir });
  box.known.set("short.tar.xz", makeBlob(5001));
  await box.store.rescan();
  expect(box.store.usage().distdirBlobs).toBe(0);
  box.known.set("foo-1.tar.xz", blob);
  await Promise.all([added(box), box.store.rescan()]);
  expectBytes(await get(box.store, blob.digest), blob.bytes);
});

test("a file with the right size and wrong bytes is told, and not shared until a Manifest names them", async () => {
  const box = await startBox();
  const [right, wrong] = [makeBlob(5000, "right"), makeBlob(5000, "wrong")];
  const told: BlobInfo[] = [];
  box.store.on("added", (info) => told.push(info));
  box.known.set("foo-1.tar.xz", right);
  await writeFile(join(box.distdir, "foo-1.tar.xz"), wrong.bytes);
  await expect.poll(() => box.lines).toContainEqual(expect.stringContaining("has the size but not the digest"));
  expect(await box.store.find(wrong.digest)).toBeUndefined();
  expect(await box.store.open(wrong.digest)).toBeUndefined();
  expect(box.store.usage()).toMatchObject({ distdirBlobs: 0, distdirBytes: 0 });

  const { store } = await box.restart();
  store.on("added", (info) => told.push(info));
  expect(await store.find(wrong.digest)).toBeUndefined();
  expect(told).toEqual([]);
  box.known.set("foo-1.tar.xz", wrong);
  await store.rescan();
  expect(told).toMatchObject([{ digest: wrong.digest, where: "distdir" }]);
  expectBytes(await get(store, wrong.digest), wrong.bytes);
  expect(box.lines.filter((line) => line.includes("not the digest"))).toHaveLength(1);
});

test("a file that a Manifest named stays shared when none names it any more, like a blob of the store", async () => {
  const box = await startBox();
  const blob = makeBlob(5000);
  await Promise.all([added(box), portageFetches(box, "foo-1.tar.xz", blob)]);
  box.known.clear();
  await box.store.rescan();
  expectBytes(await get(box.store, blob.digest), blob.bytes);
});

test.each([
  ["foo-1.tar.xz", true],
  ["github.com%2Ffoo%2F@v%2Fv1.mod", true],
  ["foo-1.tar.xz.__download__", false],
  ["foo-1.tar.xz._checksum_failure_.x3k2", false],
  [".foo-1.tar.xz.portage_lockfile", false],
  [".mirror-cache.json", false],
])("%s in DISTDIR may be a distfile: %s", (name, expected) => {
  expect(mayBeDistfile(name)).toBe(expected);
});

test("a blob that both hold is told and listed once, and is the first to be evicted from the store", async () => {
  const box = await startBox({ maxSize: 3 * MIB });
  const [old, twice, next] = [makeBlob(MIB, "old"), makeBlob(MIB, "twice"), makeBlob(2 * MIB, "next")];
  const told: string[] = [];
  await put(box.store, old);
  await put(box.store, twice);
  box.store.on("added", ({ digest }) => told.push(digest));
  box.store.on("removed", (digest) => told.push(digest));
  await portageFetches(box, "twice.tar.xz", twice);
  await box.store.rescan();
  while (box.store.usage().distdirBlobs === 0) await new Promise(setImmediate);
  const listed: string[] = [];
  for await (const { digest } of box.store.list()) listed.push(digest);
  expect(listed.toSorted()).toEqual([old.digest, twice.digest].toSorted());
  await put(box.store, next);
  expect(told).toEqual([next.digest]);
  expect((await box.store.find(old.digest))?.where).toBe("store");
  expect((await box.store.find(twice.digest))?.where).toBe("distdir");
  expectBytes(await get(box.store, twice.digest), twice.bytes);
});

test("a fresh symlink into the store keeps its blob; one older than a day does not", async () => {
  const box = await startBox({ maxSize: 2 * MIB });
  const [linked, stale] = [makeBlob(MIB, "linked"), makeBlob(MIB, "stale")];
  for (const blob of [linked, stale]) {
    await put(box.store, blob);
    const { path } = (await box.store.find(blob.digest))!;
    await symlink(path, join(box.distdir, `${blob.digest.slice(0, 8)}.tar`));
  }
  const link = join(box.distdir, `${stale.digest.slice(0, 8)}.tar`);
  expect(await readlink(link)).toContain(stale.digest);
  await makeOlder(link, 25 * 3600);
  await box.store.rescan();
  await put(box.store, makeBlob(MIB, "next"));
  expect(await box.store.find(linked.digest)).toBeDefined();
  expect(await box.store.find(stale.digest)).toBeUndefined();
});

async function makeOlder(link: string, seconds: number): Promise<void> {
  const then = Date.now() / 1000 - seconds;
  await lutimes(link, then, then);
}

test("subdirectories, and names of other things, are not looked at", async () => {
  const box = await startBox();
  await mkdir(join(box.distdir, "git3-src"));
  await writeFile(join(box.distdir, "foo.tar.__download__"), "");
  await writeFile(join(box.distdir, ".foo.tar.portage_lockfile"), "");
  await writeFile(join(box.distdir, "foo.tar"), "");
  await box.store.rescan();
  expect(new Set(box.asked)).toEqual(new Set(["foo.tar"]));
});

test("a DISTDIR that is missing is told in one line, and found when it is made", async () => {
  const distdir = join(await tempDir(), "distfiles");
  const box = await startBox({ distdir });
  await box.store.rescan();
  await box.store.rescan();
  expect(box.lines.filter((line) => line.includes("DISTDIR"))).toHaveLength(1);
  await mkdir(distdir);
  await box.store.rescan();
  const blob = makeBlob(100);
  await Promise.all([added(box), portageFetches(box, "late.tar", blob)]);
  expectBytes(await get(box.store, blob.digest), blob.bytes);
});

test("a file that shrinks under a reader breaks off, and nothing wrong comes out", async () => {
  const box = await startBox();
  const blob = makeBlob(3 * MIB);
  await Promise.all([added(box), portageFetches(box, "foo-1.tar.xz", blob)]);
  const reader = (await box.store.open(blob.digest))!;
  await truncate(join(box.distdir, "foo-1.tar.xz"), MIB + 1);
  const collected: Buffer[] = [];
  const reading = (async () => {
    for await (const chunk of reader.read()) collected.push(chunk);
  })();
  await expect(reading).rejects.toMatchObject({ code: "BLOB_DAMAGED" });
  expectBytes(Buffer.concat(collected), blob.bytes.subarray(0, MIB));
  await reader.close();
});
