import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, type FileHandle, mkdir, open, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { expectBytes, get, makeBlob, MIB, outcome, put, startStore, type TestBlob } from "./support/harness.ts";
import { lookupOf, signal, verdicts } from "./support/tools.ts";
import { unprivileged } from "../support/unprivileged.ts";
import { tempDir } from "../support/temp-dir.ts";

const byText = (a: unknown, b: unknown) => String(a).localeCompare(String(b));

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
  onTestFinished(() => chmod(dir, 0o755));
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

test("import takes in what a mirror has in its shards, whose layout.conf is no distfile", async () => {
  const blobs = { one: makeBlob(1000, "one"), two: makeBlob(1000, "two") };
  const { store } = await startStore({}, lookupOf({ one: [blobs.one], two: [blobs.two] }));
  const dir = await tempDir();
  await writeFile(join(dir, "layout.conf"), "[structure]\n0=filename-hash BLAKE2B 8\n");
  for (const [shard, name] of [
    ["0a", "one"],
    ["ff", "two"],
  ] as const) {
    await mkdir(join(dir, shard));
    await writeFile(join(dir, shard, name), blobs[name].bytes);
  }
  await mkdir(join(dir, "git3-src"));
  const events = await outcome(store.import(dir, signal));
  expect(events.at(-1)).toMatchObject({ counts: { adopted: 2, unknown: 1 }, left_out: { directories: 1 } });
  expect(store.usage().blobs).toBe(2);
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
