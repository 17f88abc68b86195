import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectBytes, get, makeBlob, pathOf, put, startStore } from "./support/harness.ts";
import { mountDisk } from "./support/tmpfs.ts";
import { MIB } from "./support/harness.ts";

const AWAY = "(it is on another file system now): mount the one that it was on, or restart distswarm";

test("a disk that is put away gets no second store in its mount point; mounted again it is as before", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store, lines } = await startStore({ dir: join(disk.dir, "store") });
  const blob = makeBlob(MIB);
  await put(store, blob);
  await disk.unmount();
  await expect(put(store, makeBlob(10))).rejects.toMatchObject({
    code: "STORE_UNUSABLE",
    message: expect.stringContaining(AWAY),
  });
  await expect(put(store, makeBlob(11))).rejects.toThrow(AWAY);
  expect(await readdir(disk.dir)).toEqual([]);
  expect(store.usage().problem).toContain(AWAY);
  expect(lines.filter((line) => line.includes(AWAY))).toHaveLength(1);
  await disk.mount();
  await store.look();
  expect(store.warnings()).toEqual([]);
  await put(store, makeBlob(10));
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("a disk that is put away is told also while nobody fetches, and no blob on it is forgotten", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const { store } = await startStore({ dir: join(disk.dir, "store") });
  await put(store, makeBlob(MIB));
  await disk.unmount();
  await mkdir(join(disk.dir, "store/blobs"), { recursive: true });
  await store.look();
  expect(store.warnings()).toEqual([expect.stringContaining(AWAY)]);
  expect(store.usage().blobs).toBe(1);
  await rm(join(disk.dir, "store"), { recursive: true });
});

test.each(["at once", "after the next blob has come"])(
  "a store that somebody emptied knows its blobs to be gone, %s",
  async (when) => {
    const { store, dir, lines } = await startStore();
    const [gone, next] = [makeBlob(1000, "gone"), makeBlob(1000, "next")];
    await put(store, gone);
    const removed: string[] = [];
    store.on("removed", (digest) => void removed.push(digest));
    for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true });
    if (when !== "at once") await put(store, next);
    await store.look();
    await store.look();
    expect(await store.find(gone.digest)).toBeUndefined();
    expect(removed).toEqual([gone.digest]);
    expect(lines).toEqual([`1 blob no longer in ${join(dir, "blobs")}; forgotten`]);
    expect(store.warnings()).toEqual([]);
    if (when === "at once") await put(store, next);
    expect(existsSync(pathOf({ dir }, next.digest))).toBe(true);
    expect(store.usage().blobs).toBe(1);
  },
);

test("a start in an empty directory says that blobs of before are not there, until the next start", async () => {
  const first = await startStore();
  expect(first.store.warnings()).toEqual([]);
  await put(first.store, makeBlob(1000));
  await first.store.stop();
  await rm(first.dir, { recursive: true });
  const second = await first.restart();
  expect(second.store.warnings()).toEqual([
    `${first.dir} was empty at the start, and 1 blob of before is not there: if its disk was not mounted, mount it and restart distswarm`,
  ]);
  const third = await second.restart();
  expect(third.store.warnings()).toEqual([]);
});
