// 2,000 cold files of 10-300 KB, one wget after another, through the agent and through nginx's proxy_cache; and, as the
// floor, through a bare Node proxy that keeps what it hands on.
//
//   npm run build && node bench/many.mjs [--beside DIR] [FILES]
//
// `--beside DIR`: through the agent of another checkout, built there, too: what a change has cost or gained.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeDistfile, makeRepository, row, spawnIn, startAgent, startNginx, withBed } from "./lib/bed.mjs";

const ROUND = 250; // files in turn through one and the other, so that all meet the same noise

const { values, positionals } = parseArgs({ allowPositionals: true, options: { beside: { type: "string" } } });
const FILES = Number(positionals[0] ?? 2000);

await withBed(async (bed) => {
  const files = Array.from({ length: FILES }, (_, at) =>
    makeDistfile(bed, `file-${at}.tar.gz`, 10_000 + ((at * 7919) % 290_000)),
  );
  const repos = [makeRepository(bed, files)];
  const upstream = await startNginx(bed, `root ${bed.mirror};`);
  const nginx = await startNginx(
    bed,
    `location / { proxy_pass ${upstream.url}; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache c; proxy_cache_lock on; proxy_cache_valid 200 1h; }`,
    {
      http: "proxy_cache_path DIR/cache keys_zone=c:10m;",
    },
  );
  const start = (more) => startAgent(bed, { repos, mirrors: [upstream.url], ...more });
  const agent = await start();
  const bare = await startBare(bed, upstream.url);
  const ways = {
    nginx: ({ byName }) => nginx.url + byName,
    bare: ({ byName }) => bare + byName,
    ours: ({ byDigest }) => agent.url + byDigest,
  };
  if (values.beside !== undefined) {
    const other = await start({ main: resolve(values.beside, "dist/main.js") });
    ways.other = ({ byDigest }) => other.url + byDigest;
  }
  await delay(1000);
  const { ours, nginx: theirs, bare: floor, other } = inTurn(bed, files, ways);
  console.log(`${"".padEnd(48)} ${"agent".padStart(9)} ${"beside".padStart(9)}        ratio`);
  row(`${FILES} cold files, one wget after another; nginx`, ours, theirs, ours / theirs, { most: 1.15 }, "s");
  row("the same; a bare Node proxy", ours, floor, ours / floor, undefined, "s");
  if (other !== undefined) row(`the same; the agent of ${values.beside}`, ours, other, ours / other, undefined, "s");
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

/** Seconds for all files by each way, a round of them by one way after the other. */
function inTurn(bed, files, ways) {
  const seconds = Object.fromEntries(Object.keys(ways).map((way) => [way, 0]));
  for (let at = 0; at < files.length; at += ROUND) {
    const round = files.slice(at, at + ROUND);
    for (const [way, url] of Object.entries(ways)) seconds[way] += fetchAll(bed, round.map(url));
  }
  return seconds;
}

/** Seconds for one wget after another. */
function fetchAll(bed, urls) {
  const script = `${bed.dir}/fetch.sh`;
  writeFileSync(script, `set -e\nfor url in ${urls.join(" ")}; do wget -q -t 3 -T 60 -O ${bed.dir}/out "$url"; done\n`);
  const began = performance.now();
  execFileSync("sh", [script]);
  return (performance.now() - began) / 1000;
}
