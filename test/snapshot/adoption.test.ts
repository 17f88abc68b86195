import { execFileSync } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { SNAPSHOT_PARTS } from "../../src/core/snapshots.ts";
import { Adoption } from "../../src/snapshot/adoption.ts";
import { fileName, startOf } from "../../src/snapshot/name.ts";
import { Shelf } from "../../src/snapshot/shelf.ts";
import { logInto } from "../support/log-lines.ts";
import { tempDir } from "../support/temp-dir.ts";
import { get, keeps, startBox } from "./support/box.ts";
import { DiskStore } from "./support/disk-store.ts";
import { DATE, makeKey, makeUnit, NOW, OLDER_DATE, tarballBytes, writeKeyring, writeUnit } from "./support/unit.ts";

const key = await makeKey();
const unit = await makeUnit(key);

/** Adoption from a DISTDIR with `unit` onto a shelf; tells how often it was asked by what to judge. */
async function rig({ keep = 2 } = {}) {
  const dir = await tempDir();
  const distdir = join(dir, "distfiles");
  await mkdir(distdir);
  await writeUnit(distdir, unit);
  const lines: string[] = [];
  const log = logInto(lines);
  const db = await openDatabase(join(dir, "db"), log);
  const store = new DiskStore(join(dir, "blobs"));
  const shelf = new Shelf({ store, db, log, changed: () => {} }, { keep });
  await shelf.start();
  onTestFinished(async () => {
    await shelf.stop();
    await db.close();
  });
  const judged: string[] = [];
  const clock = { now: NOW };
  const judgement = async (date: string) => {
    judged.push(date);
    return { date, keys: [key.toPublic()], now: clock.now, others: [], stamp: "keys" };
  };
  const adoption = new Adoption({ shelf, judgement, log }, { dir: distdir });
  return { adoption, shelf, store, distdir, judged, lines, clock };
}

test("what finds no room is verified once, and said once, and is adopted when there is room", async () => {
  const { adoption, shelf, store, judged, lines } = await rig();
  store.full = true;
  for (let look = 1; look <= 3; look += 1) await adoption.look();
  expect([shelf.has(DATE), judged, lines]).toEqual([false, [DATE], [expect.stringContaining("no room")]]);
  store.full = false;
  await adoption.look();
  expect([shelf.has(DATE), judged]).toEqual([true, [DATE]]);
});

test("what changed meanwhile is verified anew", async () => {
  const { adoption, shelf, store, distdir, judged } = await rig();
  store.full = true;
  await adoption.look();
  const other = await makeUnit(key, { tarball: tarballBytes("other", 100_000) });
  await writeUnit(distdir, other);
  store.full = false;
  await adoption.look();
  expect(judged).toEqual([DATE, DATE]);
  expect(shelf.find({ date: DATE, part: "tarball" })?.size).toBe(100_000);
});

test("of several dates the newest that are kept are adopted, and the others not even verified", async () => {
  const { adoption, shelf, distdir, judged, lines } = await rig({ keep: 1 });
  await writeUnit(distdir, await makeUnit(key, { date: OLDER_DATE }));
  for (let look = 1; look <= 3; look += 1) await adoption.look();
  expect([shelf.units().map(({ date }) => date), judged]).toEqual([[DATE], [DATE]]);
  expect(lines).toEqual([expect.stringContaining("adopted")]);
});

test("what is still on its way into DISTDIR is no snapshot yet, and holds up no other", async () => {
  const { adoption, shelf, distdir, judged } = await rig();
  await rm(join(distdir, fileName(DATE, "signature")));
  await writeUnit(distdir, await makeUnit(key, { date: OLDER_DATE }));
  await adoption.look();
  expect([judged, shelf.has(OLDER_DATE)]).toEqual([[OLDER_DATE], true]);
  await writeUnit(distdir, unit);
  await adoption.look();
  expect(shelf.has(DATE)).toBe(true);
});

test("what fails a check is verified once; what only a slow clock refuses, until the clock is right", async () => {
  const { adoption, shelf, distdir, judged, lines, clock } = await rig();
  clock.now = startOf(DATE);
  for (let look = 1; look <= 3; look += 1) await adoption.look();
  expect([judged.length, lines]).toEqual([3, [expect.stringContaining("set it right")]]);
  clock.now = NOW;
  await adoption.look();
  expect(shelf.has(DATE)).toBe(true);

  await shelf.drop(DATE);
  await writeFile(join(distdir, fileName(DATE, "tarball")), "short");
  judged.length = 0;
  for (let look = 1; look <= 3; look += 1) await adoption.look();
  expect(judged).toEqual([DATE]);
});

test("what cannot be read is looked at again, and said once", async () => {
  const { adoption, shelf, distdir, lines } = await rig();
  const path = join(distdir, fileName(DATE, "tarball"));
  await rm(path);
  await symlink("elsewhere", path);
  for (let look = 1; look <= 3; look += 1) await adoption.look();
  expect(lines).toEqual([expect.stringContaining("ELOOP")]);
  await rm(path);
  await writeUnit(distdir, unit);
  await adoption.look();
  expect(shelf.has(DATE)).toBe(true);
});

describe("what emerge-webrsync -k left in DISTDIR", () => {
  test("is adopted, and told to the others, without upstream", async () => {
    const box = await startBox({ key });
    await writeUnit(box.distdir, unit);
    await box.restart({ distdir: box.distdir });
    await keeps(box, DATE);
    expect(box.mirrors.requests).toEqual([]);
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
  });

  test("is left alone when it fails a check", async () => {
    const box = await startBox({ key });
    await writeUnit(box.distdir, { ...unit, files: { ...unit.files, tarball: Buffer.from("short") } });
    await box.restart({ distdir: box.distdir });
    await box.snapshots.stop();
    expect(box.lines.join()).toContain("is not adopted");
    expect(box.store.digests()).toEqual([]);
  });

  test("is adopted later, when the keyring that lacked its key has it", async () => {
    const box = await startBox({ key: await makeKey() });
    await writeUnit(box.distdir, unit);
    await box.restart({ distdir: box.distdir });
    await box.snapshots.tick();
    expect(box.lines.join()).toContain("is not in the keyring");
    await writeKeyring(box.keyring, key);
    await box.snapshots.tick();
    await keeps(box, DATE);
  });

  test("is adopted later, when the store that was full has room", async () => {
    const box = await startBox({ key });
    await writeUnit(box.distdir, unit);
    box.store.full = true;
    await box.restart({ distdir: box.distdir });
    await box.snapshots.tick();
    expect(box.snapshots.list()).toEqual([]);
    box.store.full = false;
    await box.snapshots.tick();
    await keeps(box, DATE);
  });

  test("holds up nothing when its files are FIFOs, and is no snapshot", async () => {
    const box = await startBox({ key });
    const names = SNAPSHOT_PARTS.map((part) => join(box.distdir, fileName(DATE, part)));
    execFileSync("mkfifo", names);
    await box.restart({ distdir: box.distdir });
    await box.snapshots.tick();
    await box.snapshots.stop();
    expect(box.lines.join()).toContain("is no regular file");
  });
});
