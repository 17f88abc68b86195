import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { digestOf } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { FileStore } from "../../src/store/file-store.ts";
import type { DistdirRecord } from "../../src/store/distdir-records.ts";
import { takeInventory } from "../../src/store/inventory.ts";
import { storePaths } from "../../src/store/layout.ts";
import type { BlobRecord } from "../../src/store/records.ts";
import { buildFile, buildForAll } from "../support/build.ts";
import { killedAfter } from "../support/killed.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { CRASH_BLOBS, CRASH_MAX_SIZE, crashBlob } from "./support/crash-blobs.ts";
import { emptyIndex } from "./support/harness.ts";
import { tempDir } from "../support/temp-dir.ts";

const CHILD = "test/store/support/crash-child";
const KILLS = 12;
/** Most lines that a child may print before it is killed. */
const MOST_LINES = 400;

const built = buildForAll(() => buildFile(`${CHILD}.ts`));

/** Opens what a crash left, checks all of it, and finishes every partial. Returns how many bytes were resumed. */
async function recover(root: string): Promise<number> {
  const paths = storePaths(join(root, "store"));
  const { blobs, strays } = await takeInventory(paths);
  expect(strays).toEqual([]);
  for (const { digest } of blobs) expect(digestOf(await readFile(paths.blob(digest)))).toBe(digest);
  const db = await openDatabase(join(root, "db"), silentLogger);
  const store = new FileStore(
    {
      blobRecords: db.sublevel<string, BlobRecord>("blobs", { valueEncoding: "json" }),
      distdirRecords: db.sublevel<string, DistdirRecord>("distdir", { valueEncoding: "json" }),
      log: silentLogger,
      index: emptyIndex,
    },
    { dir: paths.dir, maxSize: CRASH_MAX_SIZE, minFree: 0 },
  );
  await store.start();
  expect(store.usage().blobs).toBe(blobs.length);
  const resumed = await finishPartials(store, await readdir(paths.partials));
  await store.stop();
  await db.close();
  return resumed;
}

async function finishPartials(store: FileStore, partials: string[]): Promise<number> {
  let resumed = 0;
  for (let index = 0; index < CRASH_BLOBS; index++) {
    const blob = crashBlob(index);
    if (!partials.includes(blob.digest)) continue;
    const ingest = await store.ingest(blob);
    resumed += ingest.received;
    await ingest.write(blob.bytes.subarray(ingest.received));
    await ingest.commit();
    await ingest.close({ keep: false });
  }
  return resumed;
}

test("after a SIGKILL at any moment all blobs are whole and right, and what was partial is resumed", async () => {
  const root = await tempDir();
  const random = seededRandom(20_261_121);
  let resumed = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const lines = 1 + Math.floor(random() * MOST_LINES);
    await killedAfter(lines, join(built.dir, `${CHILD}.js`), [root, String(kill)]);
    resumed += await recover(root);
  }
  expect(resumed).toBeGreaterThan(0);
});
