import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { Adoption } from "../../src/snapshot/adoption.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { Shelf } from "../../src/snapshot/shelf.ts";
import { logInto } from "../support/log-lines.ts";
import { tempDir } from "../support/temp-dir.ts";
import { DiskStore } from "./support/disk-store.ts";
import { DATE, makeKey, makeUnit, NOW, tarballBytes, writeUnit } from "./support/unit.ts";

const key = await makeKey();
const unit = await makeUnit(key);

/** Adoption from a DISTDIR with `unit` onto a shelf; tells how often it was asked by what to judge. */
async function rig() {
  const dir = await tempDir();
  const distdir = join(dir, "distfiles");
  await mkdir(distdir);
  await writeUnit(distdir, unit);
  const lines: string[] = [];
  const log = logInto(lines);
  const db = await openDatabase(join(dir, "db"), log);
  const store = new DiskStore(join(dir, "blobs"));
  const shelf = new Shelf({ store, db, log, changed: () => {} }, { keep: 2 });
  await shelf.start();
  onTestFinished(async () => {
    await shelf.stop();
    await db.close();
  });
  const judged: string[] = [];
  const judgement = async (date: string) => {
    judged.push(date);
    return { date, keys: [key.toPublic()], now: NOW, others: [], stamp: "keys" };
  };
  const adoption = new Adoption({ shelf, judgement, log }, { dir: distdir });
  return { adoption, shelf, store, distdir, judged, lines };
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
