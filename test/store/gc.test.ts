import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { StoreToolEvent } from "../../src/core/report/store-tool-event.ts";
import { BlobFiles } from "../../src/store/blob-files.ts";
import { storePaths } from "../../src/store/layout.ts";
import { Leftovers } from "../../src/store/leftovers.ts";
import { BlobRecords } from "../../src/store/records.ts";
import { collectGarbage } from "../../src/store/tools/gc.ts";
import { Locks } from "../../src/store/locks.ts";
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
import { signal } from "./support/tools.ts";
import { giveAway, unprivileged } from "../support/unprivileged.ts";
import { tempDir } from "../support/temp-dir.ts";

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
  const leftovers = new Leftovers({ ingesting: new Locks() }, { paths });
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
