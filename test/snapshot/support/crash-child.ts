import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openDatabase } from "../../../src/core/database.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { fileName } from "../../../src/snapshot/name.ts";
import { Snapshots } from "../../../src/snapshot/snapshots.ts";
import { DiskStore } from "./disk-store.ts";
import { TestMirrors } from "./mirrors.ts";

// Pulls units, evicts them, and pulls them again, for ever, and prints a line at each step, for its parent to kill it at
// one of them. Arguments: the directory, the time, the dates.
const [root = "", now = "", ...dates] = process.argv.slice(2);

function step(what: string): void {
  process.stdout.write(`${what}\n`);
}

class ToldStore extends DiskStore {
  override async ingest(blob: Parameters<DiskStore["ingest"]>[0]): ReturnType<DiskStore["ingest"]> {
    step("ingest");
    const ingest = await super.ingest(blob);
    const commit = ingest.commit.bind(ingest);
    ingest.commit = async () => {
      step("commit");
      await commit();
      step("committed");
    };
    return ingest;
  }

  override async remove(digest: Parameters<DiskStore["remove"]>[0]): Promise<void> {
    step("remove");
    await super.remove(digest);
    step("removed");
  }
}

class ToldMirrors extends TestMirrors {
  override async mirrorPath(...asked: Parameters<TestMirrors["mirrorPath"]>): ReturnType<TestMirrors["mirrorPath"]> {
    const answer = await super.mirrorPath(...asked);
    answer.body.on("data", () => step("chunk")).pause();
    return answer;
  }
}

const signal = new AbortController().signal;
const mirrors = new ToldMirrors();
for (const date of dates) {
  const read = (part: "tarball" | "signature" | "md5sum") => readFile(join(root, "mirror", fileName(date, part)));
  const [tarball, signature, md5sum] = await Promise.all([read("tarball"), read("signature"), read("md5sum")]);
  mirrors.add({ date, files: { tarball, signature, md5sum } });
}
const store = new ToldStore(join(root, "blobs"));
const snapshots = new Snapshots(
  {
    store,
    db: await openDatabase(join(root, "db"), silentLogger),
    upstream: mirrors,
    peers: { sources: async function* () {} },
    peerIds: () => [],
    log: silentLogger,
  },
  { id: "h1", keyring: join(root, "keyring.asc"), stagingDir: join(root, "staging"), now: () => Number(now) },
);
await snapshots.start();
for (;;) {
  for (const date of dates) {
    if (snapshots.list().every((unit) => unit.date < date)) await snapshots.pull(date, { signal });
    step("pulled");
  }
  for (const { files } of snapshots.announcements()) {
    const gone = new Promise((resolve) => snapshots.once("changed", () => resolve(undefined)));
    await store.remove(files.tarball.digest);
    await gone;
  }
}
