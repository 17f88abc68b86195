import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { FileStore } from "../../src/store/file-store.ts";
import { flipBit } from "../support/flip-bit.ts";
import { mountCuttableDisk } from "../support/power-cut.ts";
import { giveAway, unprivileged } from "../support/unprivileged.ts";
import { emptyIndex, expectBytes, get, makeBlob, MIB, outcome, put, startStore, pathOf } from "./support/harness.ts";
import { tempDir } from "../support/temp-dir.ts";

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

test("a lost database is rebuilt from the disk; a blob is held against its digest before its first byte, once", async () => {
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
  await flipBit(pathOf(box, sound.digest), MIB);
  await expect(get(box.store, sound.digest)).rejects.toMatchObject({ code: "BLOB_DAMAGED" }); // opened, by its sums
});

test("a start drops what has the wrong size or no file, and leaves strangers alone", async () => {
  const first = await startStore();
  const [cut, whole] = [makeBlob(1000, "cut"), makeBlob(1000, "whole")];
  const gone = [makeBlob(1000, "gone"), makeBlob(1000, "gone, too")];
  for (const blob of [cut, ...gone, whole]) await put(first.store, blob);
  await truncate(pathOf(first, cut.digest), 999);
  for (const { digest } of gone) await rm(pathOf(first, digest));
  const stranger = join(first.dir, "blobs", "README");
  await writeFile(stranger, "hello");
  const box = await first.restart();
  expect(box.store.usage().blobs).toBe(1);
  expectBytes(await get(box.store, whole.digest), whole.bytes);
  expect(existsSync(pathOf(box, cut.digest))).toBe(false);
  expect(existsSync(stranger)).toBe(true);
  expect(box.lines.toSorted()).toEqual([
    expect.stringContaining("is 999 bytes long, not 1000"),
    `2 blobs no longer in ${join(first.dir, "blobs")}; forgotten`,
  ]);
  expect(box.store.warnings()).toEqual([]);
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

test("a power cut at once after the first commit leaves the blob and the files of the format whole", async (context) => {
  const disk = await mountCuttableDisk(context);
  const { store } = await startStore({ dir: join(disk.dir, "store") });
  const blob = makeBlob(MIB);
  await put(store, blob);
  const dir = join(await disk.cut(), "store");
  expectBytes(await readFile(pathOf({ dir }, blob.digest)), blob.bytes);
  expect(await readFile(join(dir, "version"), "utf8")).toBe("1\n");
  expect(await readFile(join(dir, "blobs", "layout.conf"), "utf8")).toContain("content-hash");
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
