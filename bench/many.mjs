// 2,000 cold files of 10-300 KB, one wget after another, through the agent and through nginx's proxy_cache; and, as the
// floor, through a bare Node proxy that keeps what it hands on. They are the crates of ebuilds, 200 of each: one agent's tree
// has the md5-cache that tells so, as Gentoo's has, and the other agent's lacks it, as an overlay's may.
//
//   npm run build && node bench/many.mjs [--beside DIR] [FILES]
//
// `--beside DIR`: through the agent of another checkout, built there, too: what a change has cost or gained.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { addEbuild, addPackage, makeDistfile, row, spawnIn, startAgent, startNginx, withBed } from "./lib/bed.mjs";

const ROUND = 200; // files of one ebuild, in turn through one and the other, so that all meet the same noise

const { values, positionals } = parseArgs({ allowPositionals: true, options: { beside: { type: "string" } } });
const FILES = Number(positionals[0] ?? 2000);

await withBed(async (bed) => {
  const files = Array.from({ length: FILES }, (_, at) =>
    makeDistfile(bed, `crate-${at}.crate`, 10_000 + ((at * 7919) % 290_000)),
  );
  const [gentoo, overlay] = [join(bed.dir, "gentoo"), join(bed.dir, "overlay")];
  for (const crates of rounds(files)) {
    const name = `bench-${crates[0].name}`.replace(".", "-");
    addPackage(overlay, name, crates);
    addPackage(gentoo, name, crates);
    addEbuild(gentoo, name, crates);
  }
  const upstream = await startNginx(bed, `root ${bed.mirror};`);
  const nginx = await startNginx(
    bed,
    `location / { proxy_pass ${upstream.url}; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache c; proxy_cache_lock on; proxy_cache_valid 200 1h; }`,
    {
      http: "proxy_cache_path DIR/cache keys_zone=c:10m;",
    },
  );
  const start = (repo, more) => startAgent(bed, { repos: [repo], mirrors: [upstream.url], ...more });
  const agents = { told: await start(gentoo), ours: await start(overlay) };
  if (values.beside !== undefined) {
    const main = resolve(values.beside, "dist/main.js");
    Object.assign(agents, { otherTold: await start(gentoo, { main }), other: await start(overlay, { main }) });
  }
  const bare = await startBare(bed, upstream.url);
  const ways = { nginx: ({ byName }) => nginx.url + byName, bare: ({ byName }) => bare + byName };
  for (const [way, { url }] of Object.entries(agents)) ways[way] = ({ byDigest }) => url + byDigest;
  await delay(1000);
  print(inTurn(bed, files, ways));
});

function print({ told, ours, nginx, bare, otherTold, other }) {
  const bound = { most: 1.15 };
  console.log(`${"".padEnd(48)} ${"agent".padStart(9)} ${"beside".padStart(9)}        ratio`);
  row(`${FILES} cold crates, a wget each; nginx`, told, nginx, told / nginx, bound, "s");
  row("the same; a bare Node proxy", told, bare, told / bare, undefined, "s");
  row(`${FILES} cold files that no ebuild tells of; nginx`, ours, nginx, ours / nginx, bound, "s");
  row("the same; a bare Node proxy", ours, bare, ours / bare, undefined, "s");
  if (other === undefined) return;
  row(`crates; the agent of ${values.beside}`, told, otherTold, told / otherTold, undefined, "s");
  row("files that no ebuild tells of; the same agent", ours, other, ours / other, undefined, "s");
}

/** The files, in the rounds in which they are asked for. */
function rounds(files) {
  return Array.from({ length: Math.ceil(files.length / ROUND) }, (_, at) => files.slice(at * ROUND, (at + 1) * ROUND));
}

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
  for (const round of rounds(files)) {
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
