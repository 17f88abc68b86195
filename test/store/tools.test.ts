import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  type FileHandle,
  appendFile,
  chmod,
  mkdir,
  open,
  readdir,
  readlink,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Distfile } from "../../src/core/distfile.ts";
import type { StoreToolEvent } from "../../src/core/store-tool-event.ts";
import { BlobFiles } from "../../src/store/blob-files.ts";
import { storePaths } from "../../src/store/layout.ts";
import { Leftovers } from "../../src/store/leftovers.ts";
import { OpenFile } from "../../src/store/open-file.ts";
import { BlobRecords } from "../../src/store/records.ts";
import { collectGarbage } from "../../src/store/tools/gc.ts";
import { Turns } from "../../src/store/turns.ts";
import {
  expectBytes,
  get,
  keepLog,
  makeBlob,
  MIB,
  outcome,
  put,
  startStore,
  type TestBlob,
} from "./support/harness.ts";
import { giveAway, unprivileged } from "../support/unprivileged.ts";
import { tempDir } from "../support/temp-dir.ts";

const { signal } = new AbortController();

const byText = (a: unknown, b: unknown) => String(a).localeCompare(String(b));

/** `verdict name` of each file, and the counts. */
function verdicts(events: StoreToolEvent[]): unknown[] {
  return events.map((event) => {
    if (event.event === "file") return `${event.verdict} ${event.file.split("/").at(-1)!.slice(0, 20)}`;
    return event.event === "summary" ? event.counts : event;
  });
}

function lookupOf(known: Record<string, TestBlob[]>) {
  return async (name: string): Promise<Distfile[]> =>
    (known[name] ?? []).map(({ size, digest }) => ({ name, size, digest }));
}

async function spoil(path: string): Promise<void> {
  const handle = await open(path, "r+");
  await handle.write("spoilt", 10);
  await handle.close();
}

test("import adopts what matches, and says of the rest why not", async () => {
  const [good, here, bad, cut, twice, other] = ["good", "here", "bad", "cut", "twice", "other"].map((seed) =>
    makeBlob(2000, seed),
  ) as [TestBlob, TestBlob, TestBlob, TestBlob, TestBlob, TestBlob];
  const known = { good: [good], here: [here], bad: [bad], cut: [cut], twice: [other, twice] };
  const { store } = await startStore({}, lookupOf(known));
  const dir = await tempDir();
  await put(store, here);
  await writeFile(join(dir, "good"), good.bytes);
  await writeFile(join(dir, "here"), here.bytes);
  await writeFile(join(dir, "bad"), Buffer.alloc(2000));
  await writeFile(join(dir, "cut"), cut.bytes.subarray(1));
  await writeFile(join(dir, "twice"), twice.bytes);
  await writeFile(join(dir, "unheard-of"), "?");
  await writeFile(join(dir, "good.__download__"), "?");
  await mkdir(join(dir, "git3-src"));

  const events = verdicts(await outcome(store.import(dir, signal)));
  expect(events.slice(0, -1).toSorted(byText)).toEqual([
    "adopted good",
    "adopted twice",
    "known here",
    "unknown unheard-of",
    "wrong bad",
    "wrong cut",
  ]);
  expect(events.at(-1)).toEqual({ adopted: 2, known: 1, unknown: 1, wrong: 2 });
  expectBytes(await get(store, twice.digest), twice.bytes);
  expect(existsSync(join(dir, "good"))).toBe(true);
});

test("import is not misled by a partial with other bytes", async () => {
  const blob = makeBlob(5000);
  const { store, dir } = await startStore({}, lookupOf({ foo: [blob] }));
  await writeFile(join(dir, "partial", blob.digest), Buffer.alloc(3000));
  const source = await tempDir();
  await writeFile(join(source, "foo"), blob.bytes);
  expect(verdicts(await outcome(store.import(source, signal)))[0]).toBe("adopted foo");
});

test("import skips what the store has no room for, says why, and goes on", async () => {
  const [first, large, last] = [makeBlob(1000, "first"), makeBlob(5 * MIB, "large"), makeBlob(1000, "last")];
  const { store } = await startStore({ maxSize: MIB }, lookupOf({ a: [first], b: [large], c: [last] }));
  const dir = await tempDir();
  for (const [name, { bytes }] of Object.entries({ a: first, b: large, c: last }))
    await writeFile(join(dir, name), bytes);
  const events = await outcome(store.import(dir, signal));
  expect(verdicts(events).toSorted(byText)).toEqual([
    { adopted: 2, skipped: 1 },
    "adopted a",
    "adopted c",
    "skipped b",
  ]);
  expect(events).toContainEqual(
    expect.objectContaining({ verdict: "skipped", detail: expect.stringContaining("larger than store.max_size") }),
  );
});

test("import tells a name without a BLAKE2B digest from one that no Manifest has", async () => {
  const { store } = await startStore({}, undefined, { isUndigested: async (name) => name === "old.tar" });
  const dir = await tempDir();
  for (const name of ["old.tar", "unheard-of.tar"]) await writeFile(join(dir, name), "?");
  const events = await outcome(store.import(dir, signal));
  expect(verdicts(events).at(-1)).toEqual({ undigested: 1, unknown: 1 });
  expect(events).toContainEqual(
    expect.objectContaining({ verdict: "undigested", detail: expect.stringContaining("without a BLAKE2B digest") }),
  );
});

test("a tool that has nothing to do says why", async () => {
  const { store } = await startStore();
  const dir = await tempDir();
  await mkdir(join(dir, "git3-src"));
  const refetch = async () => {};
  const idle = async (events: AsyncIterable<StoreToolEvent>) => (await outcome(events)).at(-1);
  expect(await idle(store.fsck({ repair: false, refetch }, signal))).toMatchObject({
    idle: expect.stringMatching(/store/),
  });
  expect(await idle(store.import(dir, signal))).toMatchObject({ idle: expect.stringContaining(dir) });
  expect(await idle(store.gc({ dryRun: true }, signal))).toMatchObject({ idle: expect.stringMatching(/limits/) });
});

test("import of a directory that is not there says so", async () => {
  const { store } = await startStore();
  await expect(outcome(store.import("/nonexistent/distfiles", signal))).rejects.toMatchObject({
    code: "INVALID_REQUEST",
    message: expect.stringContaining("/nonexistent/distfiles"),
  });
});

test("import of what the agent's user may not read says whom to let read it", async () => {
  const { store } = await startStore({}, lookupOf({ "secret.tar": [makeBlob(1)] }));
  const dir = await tempDir();
  await writeFile(join(dir, "secret.tar"), "?", { mode: 0 });
  await chmod(dir, 0o755);
  const read = () => unprivileged(() => outcome(store.import(dir, signal)));
  expect(await read()).toContainEqual(
    expect.objectContaining({
      verdict: "unreadable",
      detail: expect.stringMatching(/^the agent runs as \S+, who may not read .*secret\.tar: let/),
    }),
  );
  await chmod(dir, 0);
  await expect(read()).rejects.toThrow(/^the agent runs as \S+, who may not read \S+: let that user read it$/);
});

test("import opens no file that no Manifest names", async () => {
  const { store } = await startStore();
  const dir = await tempDir();
  await writeFile(join(dir, "secret.tar"), "?", { mode: 0 });
  await writeFile(Buffer.concat([Buffer.from(`${dir}/caf`), Buffer.of(0xe9)]), "Latin-1");
  await chmod(dir, 0o755);
  const events = await unprivileged(() => outcome(store.import(dir, signal)));
  expect(verdicts(events).toSorted(byText)).toEqual([{ unknown: 2 }, "unknown caf\ufffd", "unknown secret.tar"]);
  expect(events).toContainEqual(
    expect.objectContaining({ size: 7, detail: "its name is not UTF-8, so no Manifest names it" }),
  );
});

test("import counts what it leaves out, by what it is", async () => {
  const blob = makeBlob(1000);
  const { store } = await startStore({}, lookupOf({ good: [blob], link: [blob], pipe: [blob] }));
  const dir = await tempDir();
  await writeFile(join(dir, "good"), blob.bytes);
  await symlink("good", join(dir, "link"));
  await promisify(execFile)("mkfifo", [join(dir, "pipe")]);
  for (const name of ["git3-src", "svn-src"]) await mkdir(join(dir, name));
  await writeFile(join(dir, "bad.__download__"), "?");
  const events = await outcome(store.import(dir, signal));
  expect(events.at(-1)).toMatchObject({
    counts: { adopted: 1 },
    left_out: { symlinks: 1, "special files": 1, directories: 2, "files named as no distfile is": 1 },
  });
});

test("import goes on after a file that cannot be read, or becomes another one meanwhile", async () => {
  const [bad, last] = [makeBlob(1000, "bad"), makeBlob(1000, "last")];
  const known = lookupOf({ bad: [bad], fifo: [bad], last: [last] });
  const dir = await tempDir();
  const { store } = await startStore({}, async (name) => {
    if (name !== "fifo") return known(name);
    await rm(join(dir, name));
    await promisify(execFile)("mkfifo", [join(dir, name)]);
    return known(name);
  });
  for (const name of ["bad", "fifo"]) await writeFile(join(dir, name), bad.bytes);
  await writeFile(join(dir, "last"), last.bytes);
  await failNext("read", "EIO");
  const events = await outcome(store.import(dir, signal));
  expect(events.at(-1)).toMatchObject({ counts: { adopted: 1, unreadable: 2 } });
  const details = events.flatMap((event) => (event.event === "file" ? (event.detail ?? []) : []));
  expect(details.toSorted(byText)).toEqual([
    expect.stringMatching(/^cannot read .*\/(bad|last) \(EIO\)$/),
    expect.stringMatching(/^cannot read .*\/fifo \(no regular file any more\)$/),
  ]);
});

test("import goes on after a file that cannot be looked at once it is open, and leaves none open", async () => {
  const blobs = { one: makeBlob(1000, "one"), two: makeBlob(1000, "two") };
  const { store } = await startStore({}, lookupOf({ one: [blobs.one], two: [blobs.two] }));
  const dir = await tempDir();
  for (const [name, { bytes }] of Object.entries(blobs)) await writeFile(join(dir, name), bytes);
  await failNext("stat", "EIO");
  const events = await outcome(store.import(dir, signal));
  expect(events.at(-1)).toMatchObject({ counts: { adopted: 1, unreadable: 1 } });
  const fds = await readdir("/proc/self/fd");
  const open = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
  expect(open.filter((path) => path.startsWith(dir))).toEqual([]);
});

/** Has the next call of any file handle of Node's fail, as on a bad sector; the store itself uses none. */
async function failNext(method: "read" | "stat", code: string): Promise<void> {
  const handle = await open("/dev/null");
  const failing = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, method);
  failing.mockRejectedValueOnce(Object.assign(new Error(code), { code }));
  onTestFinished(() => failing.mockRestore());
  await handle.close();
}

test("import tells how far it is, and stops when it is told to", async () => {
  const dir = await tempDir();
  for (const name of ["a", "b"]) await writeFile(join(dir, name), name);
  const { store } = await startStore();
  const stop = new AbortController();
  const events = store.import(dir, stop.signal);
  expect((await events.next()).value).toMatchObject({ event: "progress", done: 0, total: 2 });
  await events.next();
  stop.abort();
  await expect(events.next()).rejects.toThrow(/abort/);
});

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

test("fsck tells of a directory that it cannot look into, and goes on", async () => {
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
});

test("a lower limit evicts at once, and what fsck found damaged is a warning until it is repaired", async () => {
  const { store, dir } = await startStore();
  const [old, young] = [makeBlob(MIB, "old"), makeBlob(MIB, "young")];
  const pathOf = ({ digest }: { digest: string }): string => join(dir, "blobs", digest.slice(0, 2), digest);
  await put(store, old);
  await put(store, young);
  store.limit({ maxSize: MIB, minFree: 0 });
  await expect.poll(() => store.usage().blobs).toBe(1);
  await rm([old, young].map(pathOf).find(existsSync)!);
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

test("gc evicts what is over the limits and old leftovers; a dry run only says so", async () => {
  const first = await startStore();
  const [old, young] = [makeBlob(MIB, "old"), makeBlob(MIB, "young")];
  await put(first.store, old);
  await put(first.store, young);
  const { store, dir } = await first.restart({ maxSize: MIB });
  const leftover = join(dir, "partial", makeBlob(1).digest);
  await writeFile(leftover, "x");
  await utimes(leftover, 1, 1);

  const plan = await outcome(store.gc({ dryRun: true }, signal));
  const oldPath = join(dir, "blobs", old.digest.slice(0, 2), old.digest);
  expect(plan).toMatchObject([
    { file: oldPath, verdict: "would-go", detail: expect.stringContaining("least recently used") },
    { file: leftover, verdict: "would-go", detail: expect.stringContaining("leftover") },
    { event: "summary", counts: { "would-go": 2 }, bytes: MIB + 1 },
  ]);
  expect(await store.find(old.digest)).toBeDefined();

  const done = JSON.parse(JSON.stringify(plan).replaceAll("would-go", "evicted")) as typeof plan;
  expect(await outcome(store.gc({ dryRun: false }, signal))).toEqual(done);
  expect(await store.find(old.digest)).toBeUndefined();
  expect(await store.find(young.digest)).toBeDefined();
  expect(await readdir(join(dir, "partial"))).toEqual([]);
});

test("gc names what came into use meanwhile, and counts as freed only what went", async () => {
  const first = await startStore();
  const [read, other, lost, last] = ["read", "other", "lost", "last"].map((seed) => makeBlob(MIB, seed)) as [
    TestBlob,
    TestBlob,
    TestBlob,
    TestBlob,
  ];
  for (const blob of [read, other, lost, last]) await put(first.store, blob);
  const { store, dir } = await first.restart({ maxSize: MIB });
  const leftover = makeBlob(10, "leftover");
  await writeFile(join(dir, "partial", leftover.digest), leftover.bytes.subarray(0, 9));
  await utimes(join(dir, "partial", leftover.digest), 1, 1);

  const events = store.gc({ dryRun: false }, signal);
  const begun = (await events.next()).value as Extract<StoreToolEvent, { event: "file" }>;
  const [busy, gone] = [read, other, lost].filter(({ digest }) => !begun.file.endsWith(digest)) as [TestBlob, TestBlob];
  const reader = (await store.open(busy.digest))!;
  await rm((await store.find(gone.digest))!.path);
  await store.open(gone.digest); // notices, and forgets it
  store.limit({ maxSize: 1024 * MIB, minFree: 0 }); // what comes now evicts nothing by itself
  const ingest = await store.ingest(leftover);
  expect([begun, ...(await outcome(events))]).toMatchObject([
    { verdict: "evicted", size: MIB },
    { verdict: "kept", file: expect.stringContaining(busy.digest), detail: "came into use meanwhile" },
    { verdict: "kept", file: expect.stringContaining(leftover.digest), detail: "came into use meanwhile" },
    { event: "summary", counts: { evicted: 1, kept: 2 }, bytes: MIB },
  ]);
  expectBytes(await get(store, busy.digest), busy.bytes);
  await ingest.write(leftover.bytes.subarray(ingest.received));
  await ingest.commit();
  await ingest.close({ keep: false });
  await reader.close();
});

test("gc says of a blob that is committed anew while it goes that it came into use, not that it cannot be removed", async () => {
  const { digest, size, bytes } = makeBlob(1000);
  const paths = storePaths(await tempDir());
  const table = { async *iterator() {}, batch: async () => {} };
  const { log } = keepLog();
  const blobs = new BlobFiles({ records: new BlobRecords({ table, log }), log }, { paths });
  const place = async () => {
    await mkdir(paths.shard(digest), { recursive: true });
    await writeFile(paths.blob(digest), bytes);
  };
  await blobs.add({ digest, size, sums: "" }, place);
  const plan = async () => [{ digest, size, used: 0, reason: "old" }];
  const leftovers = new Leftovers({ ingesting: new Turns() }, { paths });
  const components = { blobs, paths, plan, leftovers, isInFlight: () => false };
  const removed = once(blobs, "removed");
  const committed = blobs.add({ digest, size, sums: "" }, () => removed.then(place));
  const events = await outcome(collectGarbage(components, { dryRun: false }, signal));
  expect(events[0]).toMatchObject({ verdict: "kept", detail: "came into use meanwhile" });
  await committed;
  expect(existsSync(paths.blob(digest))).toBe(true);
});

test("gc goes on after what it cannot remove, and says so", async () => {
  const first = await startStore();
  for (const seed of ["old", "young"]) await put(first.store, makeBlob(MIB, seed));
  const { store, dir } = await first.restart({ maxSize: MIB });
  const leftover = join(dir, "partial", makeBlob(1).digest);
  await writeFile(leftover, "x");
  await utimes(leftover, 1, 1);
  const plan = (await store.gc({ dryRun: true }, signal).next()).value as Extract<StoreToolEvent, { event: "file" }>;
  const shut = [dirname(plan.file), dirname(leftover)];
  await giveAway(dirname(dir));
  for (const path of shut) await chmod(path, 0o555);
  const events = await unprivileged(() => outcome(store.gc({ dryRun: false }, signal)));
  for (const path of shut) await chmod(path, 0o755);
  expect(events).toMatchObject([
    { verdict: "kept", file: plan.file, detail: "cannot be removed; the log says why" },
    { verdict: "kept", file: leftover, detail: expect.stringMatching(/^cannot be removed \(EACCES/) },
    { event: "summary", counts: { kept: 2 }, bytes: 0 },
  ]);
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
