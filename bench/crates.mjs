// The crates of a Rust package, one wget after another, from a mirror that takes its time to answer: through the agent,
// whose tree has the package's md5-cache, beside wget alone.
//
//   npm run build && node bench/crates.mjs [CRATES [MS]]
//
// 200 crates of 10-300 KB and 40 ms, if not said.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addEbuild, makeDistfile, makeRepository, row, spawnIn, startAgent, withBed } from "./lib/bed.mjs";

const [crates = 200, ms = 40] = process.argv.slice(2).map(Number);

await withBed(async (bed) => {
  const files = Array.from({ length: crates }, (_, at) =>
    makeDistfile(bed, `crate-${at}.crate`, 10_000 + ((at * 7919) % 290_000)),
  );
  const repo = makeRepository(bed, files);
  const mirror = await startMirror(bed);
  const unknown = await startAgent(bed, { repos: [repo], mirrors: [mirror] });
  const without = secondsOf(bed, files, ({ byDigest }) => unknown.url + byDigest);
  addEbuild(repo, "bench", files);
  const agent = await startAgent(bed, { repos: [repo], mirrors: [mirror] });
  const ours = secondsOf(bed, files, ({ byDigest }) => agent.url + byDigest);
  const alone = secondsOf(bed, files, ({ byName }) => mirror + byName);
  console.log(`${"".padEnd(48)} ${"agent".padStart(9)} ${"wget".padStart(9)}        ratio`);
  row(`${crates} crates, a mirror ${ms} ms away`, ours, alone, ours / alone, undefined, "s");
  row("the same without md5-cache", without, alone, without / alone, undefined, "s");
});

async function startMirror(bed) {
  const program = fileURLToPath(new URL("lib/far-mirror.mjs", import.meta.url));
  const child = spawnIn(undefined, process.execPath, [program, bed.mirror, String(ms)]);
  bed.children.push(child);
  const [line] = await once(child.stdout, "data");
  return String(line).trim();
}

/** Seconds for one wget after another. */
function secondsOf(bed, files, url) {
  const script = join(bed.dir, "fetch.sh");
  const wget = `wget -q -t 3 -T 60 --passive-ftp -O ${bed.dir}/out`;
  writeFileSync(script, `set -e\nfor url in ${files.map(url).join(" ")}; do ${wget} "$url"; done\n`);
  const began = performance.now();
  execFileSync("sh", [script]);
  return (performance.now() - began) / 1000;
}
