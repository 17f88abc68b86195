// 1 GiB from one box to another: on a line of 1 Gbit/s beside nginx over plain HTTP, unshaped beside rsync's daemon.
//
//   npm run build && sudo node bench/lan.mjs [TURNS]
//
// Needs root (network namespaces), nginx, curl and rsync. The second box asks its own door, so all that a box does is in it:
// TLS, hashing, the store with its commit, and the client. rsync copies the file as it is. What a bare program takes that
// only moves, hashes and keeps the bytes (lib/bare-transfer.mjs) is the floor for anything in Node on this machine.
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NetworkKey } from "../build/swarm/network-key.js";
import * as bench from "./lib/bed.mjs";
import { shape, withHosts } from "./lib/hosts.mjs";

const TURNS = Number(process.argv[2] ?? 5);
const MIB = 2 ** 20;
const RSYNC_PORT = 8730;
const BARE = fileURLToPath(new URL("lib/bare-transfer.mjs", import.meta.url));
const BARE_PORT = "8731";

await withHosts(2, (hosts) => bench.withBed((bed) => measure(bed, hosts)));

async function measure(bed, hosts) {
  const [giverHost, takerHost] = hosts;
  const file = bench.makeDistfile(bed, "giant-1.0.tar.xz", 1024 * MIB);
  const nginx = await bench.startNginx(bed, `root ${bed.mirror};`, {
    host: giverHost.address,
    netns: giverHost.netns,
  });
  startRsync(bed, giverHost);
  await startBare(bed, file, giverHost);
  const boxes = await startBoxes(bed, file, nginx, hosts);
  console.log(`${TURNS} turns, medians${"".padEnd(32)} ${"agent".padStart(9)} ${"other".padStart(9)}        ratio`);
  const shaped = { theirs: [], ours: [], kept: [] };
  shape(hosts, "1gbit");
  for (let turn = 0; turn < TURNS; turn += 1) {
    shaped.theirs.push(bench.curlSeconds(nginx.url + file.byName, { netns: takerHost.netns }));
    await take(boxes, file, shaped);
  }
  shape(hosts);
  tell("1 Gbit/s: to the client, beside nginx", file, shaped.ours, shaped.theirs, { least: 0.95 });
  const before = cpu(boxes);
  const open = { theirs: [], ours: [], kept: [], bare: [] };
  for (let turn = 0; turn < TURNS; turn += 1) {
    open.theirs.push(rsync(bed, file, hosts));
    open.bare.push(bare(bed, file, hosts));
    await take(boxes, file, open);
  }
  tell("unshaped: to the client, beside rsync", file, open.ours, open.theirs);
  tell("unshaped: committed, beside rsync", file, open.kept, open.theirs, { least: 1 });
  tell("unshaped: the floor in Node, beside rsync", file, open.bare, open.theirs);
  const [giver, taker] = cpu(boxes).map((seconds, end) => (seconds - before[end]) / TURNS);
  bench.row("unshaped: CPU seconds a GiB, giver", giver, undefined, undefined, undefined, "s");
  bench.row("unshaped: CPU seconds a GiB, taker", taker, undefined, undefined, undefined, "s");
}

/** The giver has the file; the taker knows it by its Manifest, and no mirror that has it. */
async function startBoxes(bed, file, nginx, [giverHost, takerHost]) {
  const networkKey = NetworkKey.generate().reveal();
  const repos = [bench.makeRepository(bed, [file])];
  const start = ({ netns }, mirror) =>
    bench.startAgent(bed, { repos, networkKey, swarm: "", mirrors: [mirror], netns });
  const giver = await start(giverHost, nginx.url);
  const taker = { ...(await start(takerHost, "http://127.0.0.1:1")), netns: takerHost.netns };
  bench.curlSeconds(giver.url + file.byDigest, { netns: giverHost.netns });
  while ((await status(taker)).swarm.peers[0]?.distfiles !== 1) await delay(100);
  return { giver, taker };
}

async function status(agent) {
  return JSON.parse(bench.distswarm(agent, ["status", "--json"]));
}

/** The taker gets it through its door: seconds until the client and until the store has it. Then it is lost there. */
async function take({ taker }, file, { ours, kept }) {
  const path = join(taker.store, "blobs", file.digest.slice(0, 2), file.digest);
  const began = performance.now();
  ours.push(bench.curlSeconds(taker.url + file.byDigest, taker));
  while (!existsSync(path)) await delay(2);
  kept.push((performance.now() - began) / 1000);
  rmSync(path);
  await delay(1000);
}

function cpu({ giver, taker }) {
  return [giver, taker].map(({ pid }) => bench.cpuSeconds(pid));
}

function startRsync(bed, { netns }) {
  const config = join(bed.dir, "rsyncd.conf");
  writeFileSync(
    config,
    `use chroot = no\nuid = root\ngid = root\nlog file = /dev/null\n[mirror]\npath = ${bed.mirror}\n`,
  );
  const args = ["--daemon", "--no-detach", `--config=${config}`, `--port=${RSYNC_PORT}`];
  bed.children.push(bench.spawnIn(netns, "rsync", args));
}

function rsync(bed, file, [giverHost, takerHost]) {
  const target = join(bed.dir, "rsynced");
  const began = performance.now();
  bench.run(takerHost.netns, ["rsync", `rsync://${giverHost.address}:${RSYNC_PORT}/mirror${file.byName}`, target]);
  const seconds = (performance.now() - began) / 1000;
  rmSync(target);
  return seconds;
}

async function startBare(bed, file, { netns, address }) {
  const child = bench.spawnIn(netns, process.execPath, [BARE, "give", address, BARE_PORT, file.path]);
  bed.children.push(child);
  await once(child.stdout, "data");
}

/** The seconds that it says: without the start of its process, as the agents are started, too. */
function bare(bed, { size, digest }, [giverHost, takerHost]) {
  const target = join(bed.dir, "bare");
  const take = [BARE, "take", giverHost.address, BARE_PORT, target, String(size), digest];
  const seconds = Number(bench.run(takerHost.netns, [process.execPath, ...take]));
  rmSync(target);
  return seconds;
}

function tell(what, { size }, ours, theirs, bound) {
  const [rate, other] = [ours, theirs].map((seconds) => size / MIB / bench.median(seconds));
  bench.row(what, rate, other, rate / other, bound, "MiB/s");
}
