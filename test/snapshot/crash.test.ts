import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { digestOf } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { SNAPSHOT_PARTS } from "../../src/core/snapshots.ts";
import { Snapshots } from "../../src/snapshot/snapshots.ts";
import { buildFile, buildForAll } from "../support/build.ts";
import { killedAfter } from "../support/killed.ts";
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
  writeKeyring,
  writeUnit,
  type TestUnit,
} from "./support/unit.ts";
import { tempDir } from "../support/temp-dir.ts";

const CHILD = "test/snapshot/support/crash-child";
const DATES = [OLDEST_DATE, OLDER_DATE, DATE];
const KILLS = 24;
/** Most lines that a child may print before it is killed: two rounds of three units. */
const MOST_LINES = 200;

let root: string;
let units: TestUnit[];

const built = buildForAll(() => buildFile(`${CHILD}.ts`));

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
    const lines = 1 + Math.floor(random() * MOST_LINES);
    moments.add(await killedAfter(lines, join(built.dir, `${CHILD}.js`), [root, String(NOW), ...DATES]));
    counts.add(await recover());
  }
  expect(moments.size).toBeGreaterThan(3);
  expect(counts.size).toBeGreaterThan(1);
}, 120_000);
