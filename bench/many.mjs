// 2,000 cold files of 10-300 KB, one wget after another, through the agent and through nginx's proxy_cache; and, as the floor,
// through a bare Node proxy that keeps what it hands on.
//
//   npm run build && node bench/many.mjs [FILES]
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { makeDistfile, makeRepository, row, spawnIn, startAgent, startNginx, withBed } from "./lib/bed.mjs";

const FILES = Number(process.argv[2] ?? 2000);
const ROUND = 250; // files in turn through one and the other, so that both meet the same noise

await withBed(async (bed) => {
  const files = Array.from({ length: FILES }, (_, at) =>
    makeDistfile(bed, `file-${at}.tar.gz`, 10_000 + ((at * 7919) % 290_000)),
  );
  const repos = [makeRepository(bed, files)];
  const upstream = await startNginx(bed, `root ${bed.mirror};`);
  const nginx = await startNginx(
    bed,
    `location / { proxy_pass ${upstream.url}; proxy_cache c; proxy_cache_lock on; proxy_cache_valid 200 1h; proxy_http_version 1.1; proxy_set_header Connection ""; }`,
    {
      http: "proxy_cache_path DIR/cache keys_zone=c:10m;",
    },
  );
  const agent = await startAgent(bed, { repos, mirrors: [upstream.url] });
  const bare = await startBare(bed, upstream.url);
  await delay(1000);
  let ours = 0;
  let theirs = 0;
  let floor = 0;
  for (let at = 0; at < FILES; at += ROUND) {
    const round = files.slice(at, at + ROUND);
    theirs += fetchAll(
      bed,
      round.map(({ byName }) => nginx.url + byName),
    );
    floor += fetchAll(
      bed,
      round.map(({ byName }) => bare + byName),
    );
    ours += fetchAll(
      bed,
      round.map(({ byDigest }) => agent.url + byDigest),
    );
  }
  console.log(`${"".padEnd(48)} ${"agent".padStart(9)} ${"nginx".padStart(9)}        ratio`);
  row(`${FILES} cold files, one wget after another`, ours, theirs, ours / theirs, { most: 1.15 }, "s");
  row("the same through a bare Node proxy", floor, theirs, floor / theirs, undefined, "s");
});

/** Starts the bare Node proxy; its URL. */
async function startBare(bed, upstream) {
  const dir = `${bed.dir}/bare`;
  mkdirSync(dir);
  const program = fileURLToPath(new URL("lib/bare-proxy.mjs", import.meta.url));
  const child = spawnIn(undefined, process.execPath, [program, upstream, dir]);
  bed.children.push(child);
  const [line] = await once(child.stdout, "data");
  return String(line).trim();
}

/** Seconds for one wget after another. */
function fetchAll(bed, urls) {
  const script = `${bed.dir}/fetch.sh`;
  writeFileSync(script, `set -e\nfor url in ${urls.join(" ")}; do wget -q -t 3 -T 60 -O ${bed.dir}/out "$url"; done\n`);
  const began = performance.now();
  execFileSync("sh", [script]);
  return (performance.now() - began) / 1000;
}
