/**
 * Ingests, reads and evicts in a loop until it is killed: `node crash-child.js ROOT SEED`. Prints a line at each step,
 * so that the parent can choose a moment.
 */
import { join } from "node:path";
import { openDatabase } from "../../../src/core/database.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { FileStore } from "../../../src/store/file-store.ts";
import type { DistdirRecord } from "../../../src/store/distdir-records.ts";
import type { BlobRecord } from "../../../src/store/records.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { CRASH_BLOBS, CRASH_MAX_SIZE, crashBlob } from "./crash-blobs.ts";

const [root = "", seed = "0"] = process.argv.slice(2);
const db = await openDatabase(join(root, "db"), silentLogger);
const store = new FileStore(
  {
    blobRecords: db.sublevel<string, BlobRecord>("blobs", { valueEncoding: "json" }),
    distdirRecords: db.sublevel<string, DistdirRecord>("distdir", { valueEncoding: "json" }),
    log: silentLogger,
    index: { byName: async () => [], isUndigested: async () => false },
  },
  { dir: join(root, "store"), maxSize: CRASH_MAX_SIZE, minFree: 0 },
);
await store.start();
const random = seededRandom(Number(seed));
await Promise.all([work(), work(), work()]);

async function work(): Promise<never> {
  for (;;) {
    const blob = crashBlob(Math.floor(random() * CRASH_BLOBS));
    const ingest = await store.ingest(blob).catch(() => undefined);
    if (ingest === undefined) continue;
    const stopAt = random() < 0.3 ? blob.size * random() : blob.size;
    while (ingest.received < stopAt) {
      await ingest.write(blob.bytes.subarray(ingest.received, ingest.received + 40_000));
      console.log("wrote");
    }
    if (ingest.received === blob.size) await ingest.commit();
    await ingest.close({ keep: true });
    console.log("closed");
  }
}
