import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { BlobFiles } from "../../src/store/blob-files.ts";
import { FileStore } from "../../src/store/file-store.ts";
import { storePaths } from "../../src/store/layout.ts";
import { BlobRecords } from "../../src/store/records.ts";
import type { Table } from "../../src/store/table-writer.ts";
import { makeBlob, put } from "./support/harness.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A table that keeps nothing, and writes nothing before it is let go on. */
function heldTable<V>(): { table: Table<V>; goOn: () => void } {
  let goOn = (): void => {};
  const going = new Promise<void>((resolve) => (goOn = resolve));
  return { table: { async *iterator() {}, batch: () => going }, goOn };
}

/** Every event from now on, in order. */
function listen(emitter: BlobFiles | FileStore): string[] {
  const events: string[] = [];
  emitter.on("added", () => events.push("added"));
  emitter.on("removed", () => events.push("removed"));
  return events;
}

test("a blob marked as damaged is told before the commit that replaces it, however slow the database is", async () => {
  const paths = storePaths(await tempDir());
  const { table, goOn } = heldTable<never>();
  const blobs = new BlobFiles({ records: new BlobRecords({ table, log: silentLogger }), log: silentLogger }, { paths });
  const events = listen(blobs);
  const blob = { ...makeBlob(1000), sums: "" };
  await blobs.add(blob, async () => {});
  const marked = blobs.mark(blob.digest);
  await blobs.add(blob, async () => {});
  goOn();
  await marked;
  expect(events).toEqual(["added", "removed", "added"]);
  expect(blobs.has(blob.digest)).toBe(true);
});

test("a blob is told once and by its commit, also where its directory is looked through in the middle of that", async () => {
  const paths = storePaths(await tempDir());
  const { table } = heldTable<never>();
  const blobs = new BlobFiles({ records: new BlobRecords({ table, log: silentLogger }), log: silentLogger }, { paths });
  const events = listen(blobs);
  const blob = { ...makeBlob(1000), sums: "" };
  const place = async (): Promise<void> => {
    await mkdir(paths.shard(blob.digest), { recursive: true });
    await writeFile(paths.blob(blob.digest), blob.bytes);
    await blobs.takeUp();
    events.push("placed");
  };
  await blobs.add(blob, place);
  await blobs.add(blob, place);
  expect(events).toEqual(["placed", "added", "placed"]);
});

test("a blob that leaves DISTDIR is told before it comes into the store, however slow the database is", async () => {
  const dir = await tempDir();
  const distdir = join(dir, "distfiles");
  const blob = makeBlob(1000);
  await mkdir(distdir);
  await writeFile(join(distdir, "foo"), blob.bytes);
  const { table, goOn } = heldTable<never>();
  const index = { byName: async () => [{ ...blob, name: "foo" }], isUndigested: async () => false };
  const store = new FileStore(
    { blobRecords: table, distdirRecords: table, log: silentLogger, index },
    { dir: join(dir, "store"), maxSize: 1e6, minFree: 0, distdir },
  );
  const events = listen(store);
  await store.start();
  onTestFinished(() => store.stop());
  await expect.poll(() => events).toEqual(["added"]);
  await rm(join(distdir, "foo"));
  await expect.poll(() => store.find(blob.digest)).toBeUndefined();
  await put(store, blob);
  goOn();
  expect(events).toEqual(["added", "removed", "added"]);
});
