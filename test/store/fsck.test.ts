import { existsSync } from "node:fs";
import { appendFile, chmod, mkdir, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { OpenFile } from "../../src/store/open-file.ts";
import { expectBytes, get, makeBlob, MIB, outcome, pathOf, put, startStore } from "./support/harness.ts";
import { lookupOf, signal, spoil, verdicts } from "./support/tools.ts";
import { giveAway, unprivileged } from "../support/unprivileged.ts";
import { tempDir } from "../support/temp-dir.ts";

test("fsck finds a flipped bit, says which file, and the blob is served no more", async () => {
  const first = await startStore();
  const [sound, rotten] = [makeBlob(2 * MIB, "sound"), makeBlob(2 * MIB, "rotten")];
  await put(first.store, sound);
  await put(first.store, rotten);
  const path = (await first.store.find(rotten.digest))!.path;
  await spoil(path);
  const removed: string[] = [];
  first.store.on("removed", (digest) => removed.push(digest));
  const noRefetch = async () => expect.unreachable();
  const events = await outcome(first.store.fsck({ repair: false, refetch: noRefetch }, signal));
  expect(events).toEqual([
    { event: "file", file: path, size: rotten.size, verdict: "damaged", detail: "differs from its digest" },
    { event: "summary", counts: { damaged: 1, checked: 2 }, bytes: 4 * MIB },
  ]);
  expect(removed).toEqual([rotten.digest]);
  expect(existsSync(path)).toBe(true);
  const { store } = await first.restart();
  expect(await store.open(rotten.digest)).toBeUndefined();
  expect(await store.open(sound.digest).then((blob) => blob?.close())).toBeUndefined();
  expect(verdicts(await outcome(store.fsck({ repair: false, refetch: noRefetch }, signal))).at(-1)).toEqual({
    checked: 2,
    damaged: 1,
  });
  await put(store, rotten);
  expectBytes(await get(store, rotten.digest), rotten.bytes);
});

test("fsck --repair drops what is damaged and fetches it anew, and says what nobody has", async () => {
  const { store } = await startStore();
  const [found, lost] = [makeBlob(1000, "found"), makeBlob(1000, "lost")];
  for (const blob of [found, lost]) {
    await put(store, blob);
    await spoil((await store.find(blob.digest))!.path);
  }
  const refetch = async (digest: string) => {
    if (digest === lost.digest) throw new Error("nobody has it");
    await put(store, found);
  };
  const events = await outcome(store.fsck({ repair: true, refetch }, signal));
  expect(events.at(-1)).toMatchObject({ counts: { damaged: 2, repaired: 1, unrepaired: 1 } });
  expect(events).toContainEqual(expect.objectContaining({ verdict: "unrepaired", detail: "nobody has it" }));
  expectBytes(await get(store, found.digest), found.bytes);
  expect(await store.find(lost.digest)).toBeUndefined();
});

describe.each<[string, (path: string) => Promise<void>, RegExp]>([
  ["cut short", (path) => truncate(path, 1000), /^is 1000 bytes long, not 2097152$/],
  ["too long", (path) => appendFile(path, "more"), /^is 2097156 bytes long, not 2097152$/],
  ["missing", (path) => rm(path), /^is missing$/],
  ["unreadable", (path) => chmod(path, 0), /^cannot be read \(EACCES\)$/],
  ["a symlink", (path) => replaceByLink(path), /^cannot be read \(ELOOP\)$/],
  ["flipped", (path) => spoil(path), /^differs from its digest$/],
])("a blob that is %s", (_, damage, detail) => {
  async function damagedStore() {
    const box = await startStore();
    const [bad, sound] = [makeBlob(2 * MIB, "bad"), makeBlob(2 * MIB, "sound")];
    await put(box.store, bad);
    await put(box.store, sound);
    const { path } = (await box.store.find(bad.digest))!;
    await giveAway(dirname(box.dir));
    await damage(path);
    return { ...box, bad, sound, path };
  }

  test("is named by fsck, which checks the rest too; then it is served no more, and still there to be repaired", async () => {
    const { store, bad, path } = await damagedStore();
    const refetch = async () => expect.unreachable();
    for (const _time of ["first", "again"]) {
      const events = await unprivileged(() => outcome(store.fsck({ repair: false, refetch }, signal)));
      expect(events.filter((event) => event.event === "file" && event.verdict !== "stray")).toEqual([
        { event: "file", file: path, size: bad.size, verdict: "damaged", detail: expect.stringMatching(detail) },
      ]);
      expect(events.at(-1)).toMatchObject({ counts: { damaged: 1, checked: 2 } });
      expect(await store.find(bad.digest)).toBeUndefined();
    }
  });

  test("is dropped and fetched anew by fsck --repair", async () => {
    const { store, bad, sound } = await damagedStore();
    const dropped: string[] = [];
    const refetch = async (digest: string) => {
      dropped.push(digest);
      await put(store, bad);
    };
    const events = await unprivileged(() => outcome(store.fsck({ repair: true, refetch }, signal)));
    expect(dropped).toEqual([bad.digest]);
    expect(events.at(-1)).toMatchObject({ counts: { damaged: 1, repaired: 1, checked: 2 } });
    expectBytes(await get(store, bad.digest), bad.bytes);
    expectBytes(await get(store, sound.digest), sound.bytes);
  });
});

async function replaceByLink(path: string): Promise<void> {
  await rm(path);
  await symlink("elsewhere", path);
}

test("fsck takes a shortage of open files for no damage", async () => {
  const { store } = await startStore();
  const blob = makeBlob(1000);
  await put(store, blob);
  const open = vi.spyOn(OpenFile, "open").mockImplementation(() => {
    throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
  });
  onTestFinished(() => open.mockRestore());
  const events = outcome(store.fsck({ repair: true, refetch: async () => expect.unreachable() }, signal));
  await expect(events).rejects.toMatchObject({ code: "EMFILE" });
  open.mockRestore();
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("fsck tells of a directory that it cannot look into, and goes on; when it can, what is sound in it is served again", async () => {
  const { store, dir } = await startStore();
  const [hidden, sound] = [makeBlob(1000, "hidden"), makeBlob(1000, "sound")];
  await put(store, hidden);
  await put(store, sound);
  await giveAway(dirname(dir));
  const shard = dirname((await store.find(hidden.digest))!.path);
  await chmod(shard, 0);
  const events = await unprivileged(() => outcome(store.fsck({ repair: false, refetch: async () => {} }, signal)));
  await chmod(shard, 0o755);
  expect(events).toMatchObject([
    { verdict: "stray", file: shard, detail: "cannot be looked into (EACCES)" },
    { verdict: "damaged", file: join(shard, hidden.digest), detail: "cannot be read (EACCES)" },
    { counts: { stray: 1, damaged: 1, checked: 2 } },
  ]);
  expect(await store.find(hidden.digest)).toBeUndefined();
  const added: string[] = [];
  store.on("added", ({ digest }) => added.push(digest));
  await outcome(store.fsck({ repair: false, refetch: async () => {} }, signal));
  expect(added).toEqual([hidden.digest]);
  expectBytes(await get(store, hidden.digest), hidden.bytes);
});

test("a lower limit evicts at once, and what fsck found damaged is a warning until it is repaired", async () => {
  const { store, dir } = await startStore();
  const [old, young] = [makeBlob(MIB, "old"), makeBlob(MIB, "young")];
  await put(store, old);
  await put(store, young);
  store.limit({ maxSize: MIB, minFree: 0 });
  await expect.poll(() => store.usage()).toMatchObject({ blobs: 1, maxBytes: MIB });
  await rm(pathOf({ dir }, young.digest));
  await outcome(store.fsck({ repair: false, refetch: async () => {} }, signal));
  expect(store.warnings()).toEqual([expect.stringMatching(/^1 blob served no more: distswarm fsck --repair/)]);
  await outcome(store.fsck({ repair: true, refetch: async () => {} }, signal));
  expect(store.warnings()).toEqual([]);
});

test("what Portage changed or removed in DISTDIR is no damage", async () => {
  const distdir = await tempDir();
  const [changed, removed] = [makeBlob(3000, "changed"), makeBlob(3000, "removed")];
  for (const [name, { bytes }] of Object.entries({ changed, removed })) await writeFile(join(distdir, name), bytes);
  const { store } = await startStore({ distdir }, lookupOf({ changed: [changed], removed: [removed] }));
  await expect.poll(() => store.usage().distdirBlobs).toBe(2);
  await writeFile(join(distdir, "changed"), "other");
  await rm(join(distdir, "removed"));
  const events = await outcome(store.fsck({ repair: false, refetch: async () => {} }, signal));
  expect(events).toMatchObject([{ event: "summary" }]);
});

test("fsck names strays, and takes up blobs that were put in place by hand", async () => {
  const { store, dir } = await startStore();
  const blob = makeBlob(1000);
  const shard = join(dir, "blobs", blob.digest.slice(0, 2));
  await mkdir(shard);
  await writeFile(join(shard, blob.digest), blob.bytes);
  await writeFile(join(shard, "notes.txt"), "?");
  const found = await outcome(store.fsck({ repair: false, refetch: async () => {} }, signal));
  expect(verdicts(found)).toEqual(["stray notes.txt", { stray: 1, checked: 1 }]);
  expect(found[0]).toMatchObject({ size: 1, detail: "belongs to no blob: nothing reads it, remove it" });
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("fsck beside reads, ingests and evictions disturbs none of them", async () => {
  const { store } = await startStore({ maxSize: 12 * MIB });
  const blobs = Array.from({ length: 10 }, (_, i) => makeBlob(MIB, i));
  for (const blob of blobs) await put(store, blob);
  const checking = outcome(store.fsck({ repair: true, refetch: async () => expect.unreachable() }, signal));
  for (let i = 0; i < 20; i++) {
    await put(store, makeBlob(MIB, `more ${i}`));
    expectBytes(await get(store, makeBlob(MIB, `more ${i}`).digest), makeBlob(MIB, `more ${i}`).bytes);
  }
  expect((await checking).at(-1)).toMatchObject({ counts: {} });
  expect((await checking).length).toBe(1);
});

test("fsck tells damage in DISTDIR and leaves the file alone", async () => {
  const distdir = await tempDir();
  const blob = makeBlob(3000);
  const path = join(distdir, "foo");
  await writeFile(path, blob.bytes);
  await utimes(path, 1000, 1000);
  const { store } = await startStore({ distdir }, lookupOf({ foo: [blob] }));
  while ((await store.find(blob.digest)) === undefined) await new Promise(setImmediate);
  await spoil(path);
  await utimes(path, 1000, 1000);
  const events = await outcome(store.fsck({ repair: false, refetch: async () => {} }, signal));
  expect(verdicts(events)).toEqual(["damaged foo", { damaged: 1, checked: 1 }]);
  expect(existsSync(path)).toBe(true);
  expect(await store.find(blob.digest)).toBeUndefined();
  await rm(path);
});
