// 1 GiB from one box to another: on a line of 1 Gbit/s beside nginx over plain HTTP, unshaped beside rsync's daemon.
//
//   npm run build && sudo node bench/lan.mjs [TURNS]
//
// Needs root (network namespaces), nginx, curl and rsync. The second box asks its own door, so all that a box does is in it:
// TLS, hashing, the store with its commit, and the client. rsync copies the file as it is.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { NetworkKey } from "../dist/swarm/network-key.js";
import * as bench from "./lib/bed.mjs";

const TURNS = Number(process.argv[2] ?? 5);
const MIB = 2 ** 20;
const LINE = ["rate", "1gbit", "burst", "512kb", "latency", "50ms"];
const [GIVER, TAKER] = ["10.98.0.1", "10.98.0.2"];
const RSYNC_PORT = 8730;

const id = randomBytes(2).toString("hex");
const [giverHost, takerHost] = [`dsl-${id}-1`, `dsl-${id}-2`];
try {
  plug();
  await bench.withBed(measure);
} finally {
  for (const host of [giverHost, takerHost]) execFileSync("ip", ["netns", "del", host]);
}

/** Two hosts on one cable. */
function plug() {
  const ip = (...args) => execFileSync("ip", args);
  for (const host of [giverHost, takerHost]) ip("netns", "add", host);
  ip("link", "add", "eth0", "netns", giverHost, "type", "veth", "peer", "name", "eth0", "netns", takerHost);
  for (const [host, address] of [
    [giverHost, GIVER],
    [takerHost, TAKER],
  ]) {
    ip("-n", host, "addr", "add", `${address}/24`, "dev", "eth0");
    for (const device of ["eth0", "lo"]) ip("-n", host, "link", "set", device, "up");
  }
}

function shape(isShaped) {
  for (const host of [giverHost, takerHost]) {
    const queue = ["-n", host, "qdisc", isShaped ? "add" : "del", "dev", "eth0", "root"];
    execFileSync("tc", isShaped ? [...queue, "tbf", ...LINE] : queue);
  }
}

async function measure(bed) {
  const file = bench.makeDistfile(bed, "giant-1.0.tar.xz", 1024 * MIB);
  const nginx = await bench.startNginx(bed, `root ${bed.mirror};`, { host: GIVER, netns: giverHost });
  startRsync(bed);
  const boxes = await startBoxes(bed, file, nginx);
  console.log(`${TURNS} turns, medians${"".padEnd(32)} ${"agent".padStart(9)} ${"other".padStart(9)}        ratio`);
  const shaped = { theirs: [], ours: [], kept: [] };
  shape(true);
  for (let turn = 0; turn < TURNS; turn += 1) {
    shaped.theirs.push(bench.curlSeconds(nginx.url + file.byName, { netns: takerHost }));
    await take(boxes, file, shaped);
  }
  shape(false);
  tell("1 Gbit/s: to the client, beside nginx", file, shaped.ours, shaped.theirs, { least: 0.95 });
  const before = cpu(boxes);
  const open = { theirs: [], ours: [], kept: [] };
  for (let turn = 0; turn < TURNS; turn += 1) {
    open.theirs.push(rsync(bed, file));
    await take(boxes, file, open);
  }
  tell("unshaped: to the client, beside rsync", file, open.ours, open.theirs);
  tell("unshaped: committed, beside rsync", file, open.kept, open.theirs, { least: 1 });
  const [giver, taker] = cpu(boxes).map((seconds, end) => (seconds - before[end]) / TURNS);
  bench.row("unshaped: CPU seconds a GiB, giver", giver, undefined, undefined, undefined, "s");
  bench.row("unshaped: CPU seconds a GiB, taker", taker, undefined, undefined, undefined, "s");
}

/** The giver has the file; the taker knows it by its Manifest, and no mirror that has it. */
async function startBoxes(bed, file, nginx) {
  const networkKey = NetworkKey.generate().reveal();
  const repos = [bench.makeRepository(bed, [file])];
  const options = (peer) => ({ repos, networkKey, swarm: `peers = ["${peer}:8481"]` });
  const giver = await bench.startAgent(bed, { ...options(TAKER), mirrors: [nginx.url], netns: giverHost });
  const taker = await bench.startAgent(bed, { ...options(GIVER), mirrors: ["http://127.0.0.1:1"], netns: takerHost });
  bench.curlSeconds(giver.url + file.byDigest, { netns: giverHost });
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
  ours.push(bench.curlSeconds(taker.url + file.byDigest, { netns: takerHost }));
  while (!existsSync(path)) await delay(2);
  kept.push((performance.now() - began) / 1000);
  rmSync(path);
  await delay(1000);
}

function cpu({ giver, taker }) {
  return [giver, taker].map(({ pid }) => bench.cpuSeconds(pid));
}

function startRsync(bed) {
  const config = join(bed.dir, "rsyncd.conf");
  writeFileSync(
    config,
    `use chroot = no\nuid = root\ngid = root\nlog file = /dev/null\n[mirror]\npath = ${bed.mirror}\n`,
  );
  const args = ["--daemon", "--no-detach", `--config=${config}`, `--port=${RSYNC_PORT}`];
  bed.children.push(bench.spawnIn(giverHost, "rsync", args));
}

function rsync(bed, file) {
  const target = join(bed.dir, "rsynced");
  const began = performance.now();
  bench.run(takerHost, ["rsync", `rsync://${GIVER}:${RSYNC_PORT}/mirror${file.byName}`, target]);
  const seconds = (performance.now() - began) / 1000;
  rmSync(target);
  return seconds;
}

function tell(what, { size }, ours, theirs, bound) {
  const [rate, other] = [ours, theirs].map((seconds) => size / MIB / bench.median(seconds));
  bench.row(what, rate, other, rate / other, bound, "MiB/s");
}
