import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { digestOf } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { SNAPSHOT_PARTS } from "../../src/core/snapshots.ts";
import { Snapshots } from "../../src/snapshot/snapshots.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { DiskStore } from "./support/disk-store.ts";
import { TestMirrors } from "./support/mirrors.ts";
import {
  announcementOf,
  DATE,
  makeKey,
  makeUnit,
  NOW,
  OLDER_DATE,
  OLDEST_DATE,
  tempDir,
  writeKeyring,
  writeUnit,
  type TestUnit,
} from "./support/unit.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
/** Where the child is compiled to; below node_modules, so that it finds its packages. */
const OUT = join(PROJECT, "node_modules/.cache/distswarm-snapshot-crash-test");
const CHILD = join(OUT, "test/snapshot/support/crash-child.js");
/** What the compiled code reads of its own package. */
const PACKAGE = {
  name: "distswarm",
  type: "module",
  version: "0.0.0",
  exports: { "./package.json": "./package.json" },
};
const DATES = [OLDEST_DATE, OLDER_DATE, DATE];
const KILLS = 24;
/** Most lines that a child may print before it is killed: two rounds of three units. */
const MOST_LINES = 200;

let root: string;
let units: TestUnit[];

beforeAll(async () => {
  await mkdir(OUT, { recursive: true });
  await writeFile(join(OUT, "package.json"), JSON.stringify(PACKAGE));
  const tsc = join(PROJECT, "node_modules/typescript/bin/tsc");
  const settings = "--ignoreConfig --module nodenext --target es2023 --types node --skipLibCheck".split(" ");
  const output = ["--rewriteRelativeImportExtensions", "--rootDir", PROJECT, "--outDir", OUT];
  const source = join(PROJECT, "test/snapshot/support/crash-child.ts");
  await promisify(execFile)(process.execPath, [tsc, ...settings, ...output, source], { cwd: PROJECT });
});

/** Runs the child until it has printed `lines` lines, then kills it. Returns the last of them. */
async function crash(lines: number): Promise<string> {
  const child = spawn(process.execPath, [CHILD, root, String(NOW), ...DATES], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let seen = 0;
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    seen += 1;
    if (seen === lines) child.kill("SIGKILL");
    if (seen <= lines) last = line;
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return last;
}

/** Starts on what a crash left: whole verified units, and no blob beside them. Returns how many units there were. */
async function recover(): Promise<number> {
  const db = await openDatabase(join(root, "db"), silentLogger);
  const store = new DiskStore(join(root, "blobs"));
  const peers = { sources: async function* () {} };
  const components = { store, db, peers, upstream: new TestMirrors(), peerIds: () => [], log: silentLogger };
  const init = { id: "h1", keyring: join(root, "keyring.asc"), stagingDir: join(root, "staging"), now: () => NOW };
  const snapshots = new Snapshots(components, init);
  await snapshots.start();
  const kept = snapshots.announcements();
  for (const announcement of kept) {
    expect(units.map(announcementOf)).toContainEqual(announcement);
    for (const part of SNAPSHOT_PARTS) {
      const { digest } = announcement.files[part];
      expect(digestOf(await readFile(join(store.dir, digest)))).toBe(digest);
    }
  }
  expect(snapshots.list().every(({ verified }) => verified)).toBe(true);
  const digests = kept.flatMap(({ files }) => SNAPSHOT_PARTS.map((part) => files[part].digest));
  expect(store.digests().sort()).toEqual(digests.sort());
  await snapshots.stop();
  await db.close();
  return kept.length;
}

test("after a SIGKILL at any moment there are whole verified units, and nothing of any other", async () => {
  root = await tempDir();
  const key = await makeKey();
  units = await Promise.all(DATES.map((date) => makeUnit(key, { date })));
  await mkdir(join(root, "mirror"));
  for (const unit of units) await writeUnit(join(root, "mirror"), unit);
  await writeKeyring(join(root, "keyring.asc"), key);
  const random = seededRandom(20_261_120);
  const moments = new Set<string>();
  const counts = new Set<number>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    moments.add(await crash(1 + Math.floor(random() * MOST_LINES)));
    counts.add(await recover());
  }
  expect(moments.size).toBeGreaterThan(3);
  expect(counts.size).toBeGreaterThan(1);
}, 120_000);
