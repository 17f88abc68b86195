// How long the Manifest index takes, and what it costs while it works.
//
//   npm run build && node bench/index.mjs [DIR of an ebuild repository]
//
// Without DIR a tree of 20,000 packages with three DIST lines each is made in the temporary directory.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openDatabase } from "../build/core/database.js";
import { silentLogger } from "../build/core/logger.js";
import { ManifestIndex } from "../build/manifest/manifest-index.js";

const CATEGORIES = 200;
const PACKAGES = 100; // in each category
const LINES = 3; // in each Manifest

function distLine(name) {
  const hex = createHash("blake2b512").update(name).digest("hex");
  return `DIST ${name} ${name.length * 1000} BLAKE2B ${hex} SHA512 ${hex}\n`;
}

function makeTree(repo) {
  mkdirSync(join(repo, "profiles"), { recursive: true });
  writeFileSync(join(repo, "profiles", "repo_name"), "made\n");
  for (let category = 0; category < CATEGORIES; category++) {
    for (let number = 0; number < PACKAGES; number++) {
      const dir = join(repo, `category-${category}`, `package-${number}`);
      mkdirSync(dir, { recursive: true });
      const names = Array.from({ length: LINES }, (_, line) => `package-${category}-${number}-1.${line}.tar.xz`);
      writeFileSync(join(dir, "Manifest"), names.map(distLine).join(""));
    }
  }
}

/** Runs `step`: its time, and the longest that it kept the event loop from anything else. */
async function measure(label, step) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  await step();
  const seconds = (performance.now() - began) / 1000;
  delay.disable();
  const rss = process.memoryUsage.rss() / 2 ** 20;
  const blocked = (delay.max / 1e6).toFixed(0).padStart(4);
  const time = seconds.toFixed(3).padStart(8);
  console.log(`${label.padEnd(24)} ${time} s   ${blocked} ms   ${rss.toFixed(0).padStart(4)} MiB`);
}

const given = process.argv[2];
const work = mkdtempSync(join(tmpdir(), "distswarm-bench-"));
try {
  const repo = given ?? join(work, "repo");
  if (given === undefined) makeTree(repo);
  const db = await openDatabase(join(work, "db"), silentLogger);
  let index = new ManifestIndex({ db, log: silentLogger }, { repos: [repo] });
  console.log(`${"".padEnd(24)}       time   blocked      RSS`);
  await measure("cold", async () => {
    await index.start();
    await index.catchUp();
  });
  await measure("nothing changed", () => index.catchUp());
  if (given === undefined) {
    await appendFile(join(repo, "category-0", "package-0", "Manifest"), distLine("one-more.tar.xz"));
    await measure("one Manifest changed", () => index.catchUp());
  }
  await index.stop();
  index = new ManifestIndex({ db, log: silentLogger }, { repos: [repo] });
  await measure("started again: ready", () => index.start());
  await measure("started again: scanned", () => index.catchUp());
  const { manifests, distfiles } = index.counts();
  console.log(`${manifests} Manifests, ${distfiles} distfiles`);
  await index.stop();
  await db.close();
} finally {
  rmSync(work, { recursive: true, force: true });
}
