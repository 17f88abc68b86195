// Seven boxes that want the same files at the same moment, beside central caches on one of them.
//
//   npm run build && sudo node bench/seven.mjs [--turns N] [--alone] [cold] [many] [spread]
//
//   cold     seven hosts ask for one file of 100 MiB that nobody has; upstream has 200 Mbit/s, each host 1 Gbit/s
//   many     seven hosts ask for the same 200 files that nobody has, each in another order; the same lines
//   spread   one host has a file of 250 MiB, six ask for it; each host has 300 Mbit/s
//
// A client is one curl a host, which asks for its files one after another over one connection that it keeps. While the
// time is taken the sizes are checked, and nothing is kept; the digests of one file more, which all ask for at once,
// after that.
//
// All three unless some are named. `--alone` leaves the central caches out. Medians of N turns, 1 if not said. Needs root
// (network namespaces), nginx and curl; squid and apache2 (Debian packages) are left out where they are missing.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { NetworkKey } from "../build/swarm/network-key.js";
import * as bench from "./lib/bed.mjs";
import { cachesHere } from "./lib/caches.mjs";
import { bytesOut, shape, withHosts } from "./lib/hosts.mjs";

const MIB = 2 ** 20;
const BOXES = 7;
/** Of the file whose bytes are checked: more than waits for its digest. */
const CHECKED_SIZE = 20 * MIB;
/** Packets that are still on their way when the clients have all. */
const SETTLE_MS = 500;

const MEASUREMENTS = { cold, many, spread };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { turns: { type: "string", default: "1" }, alone: { type: "boolean", default: false } },
});
const turns = Array.from({ length: Number(values.turns) }, (_, at) => at);
const wrong = positionals.filter((name) => !Object.hasOwn(MEASUREMENTS, name));
if (wrong.length > 0)
  throw new Error(`no measurement is called ${wrong.join()}: ${Object.keys(MEASUREMENTS).join(", ")}`);
const caches = values.alone ? [] : cachesHere();

console.log(`medians of ${turns.length}${"".padEnd(36)} ${"all".padStart(9)} ${"one".padStart(9)}        ratio`);
for (const name of positionals.length > 0 ? positionals : Object.keys(MEASUREMENTS)) {
  await withHosts(BOXES + 2, (hosts) =>
    bench.withBed(async (bed) => checkBytes(bed, await MEASUREMENTS[name](bed, hosts))),
  );
}

/** One is a download without an agent. */
async function cold(bed, hosts) {
  const files = turns.map((turn) => bench.makeDistfile(bed, `cold-${turn}.tar.xz`, 100 * MIB));
  const lab = await setUp(bed, hosts, files);
  shapeAsAtHome(lab);
  const one = await inTurns((turn) => ask(lab, [{ host: lab.boxes[0], files: [files[turn]] }], lab.upstream));
  for (const system of lab.systems) {
    const all = await inTurns((turn) => {
      const requests = lab.boxes.map((host) => ({ host, files: [files[turn]] }));
      return ask(lab, requests, system);
    });
    tell(`cold: ${system.name}`, all.seconds, one.seconds, "s", system.isOurs && { most: 1.1 });
    tell(`cold, upstream: ${system.name}`, all.mib, one.mib, "MiB", system.isOurs && { most: 1.02 });
  }
  return lab;
}

/** One is a host alone in its network, with its agent; of the bytes, the set. */
async function many(bed, hosts) {
  const sets = turns.map((turn) => makeSet(bed, turn));
  const lab = await setUp(bed, hosts, sets.flat());
  shapeAsAtHome(lab);
  const one = await inTurns((turn) => ask(lab, [{ host: lab.hermit, files: sets[turn] }], lab.agents));
  const set = bench.median(sets.map(sizeOf)) / MIB;
  for (const system of lab.systems) {
    const all = await inTurns((turn) => {
      const requests = lab.boxes.map((host, at) => ({ host, files: shuffled(sets[turn], at) }));
      return ask(lab, requests, system);
    });
    tell(`many: ${system.name}`, all.seconds, one.seconds, "s", system.isOurs && { most: 1.1 });
    tell(`many, upstream: ${system.name}`, all.mib, set, "MiB", system.isOurs && { most: 1.02 });
  }
  return lab;
}

/** One is such a transfer on the idle LAN. */
async function spread(bed, hosts) {
  const file = (name) => bench.makeDistfile(bed, `${name}.tar.xz`, 250 * MIB);
  const files = turns.map((turn) => ({ first: file(`first-${turn}`), second: file(`second-${turn}`) }));
  const lab = await setUp(bed, hosts, files.flatMap(Object.values));
  const [holder, ...others] = lab.boxes;
  for (const system of lab.systems) {
    const wanted = files.flatMap(Object.values).filter((_, at) => system.isOurs || at % 2 === 1);
    await ask(lab, [{ host: holder, files: wanted }], system);
  }
  await delay(SETTLE_MS); // the haves of the last one are told
  shape(lab.hosts, "300mbit");
  const one = await inTurns((turn) => ask(lab, [{ host: others[0], files: [files[turn].first] }], lab.agents));
  for (const system of lab.systems) {
    const all = await inTurns((turn) => {
      const requests = others.map((host) => ({ host, files: [files[turn].second] }));
      return ask(lab, requests, system);
    });
    tell(`spread: ${system.name}`, all.seconds, one.seconds, "s", system.isOurs && { most: 1.5 });
    tell(`spread, upstream: ${system.name}`, all.mib, 250, "MiB");
  }
  return lab;
}

/** Upstream, seven boxes that know each other, the caches on the first of them, and a box in a network of its own. */
async function setUp(bed, hosts, files) {
  const [mirrorHost, ...others] = hosts;
  const boxes = others.slice(0, BOXES);
  const hermit = others[BOXES];
  const nginx = await bench.startNginx(bed, `root ${bed.mirror}; expires 1d;`, {
    host: mirrorHost.address,
    netns: mirrorHost.netns,
  });
  const upstream = { url: ({ byName }) => nginx.url + byName };
  const checked = bench.makeDistfile(bed, "checked.tar.xz", CHECKED_SIZE);
  const agents = {
    name: "distswarm",
    isOurs: true,
    ...(await startAgents(bed, { boxes, hermit, nginx, files: [...files, checked] })),
  };
  const systems = [agents];
  for (const { name, start } of caches) {
    const cache = await start(bed, boxes[0], nginx);
    systems.push({ name, isOurs: false, url: ({ byName }) => cache.url + byName });
  }
  return { hosts, mirrorHost, boxes, hermit, upstream, agents, systems, checked };
}

async function startAgents(bed, { boxes, hermit, nginx, files }) {
  const networkKey = NetworkKey.generate().reveal();
  const repos = [bench.makeRepository(bed, files)];
  const start = ({ netns }, key) =>
    bench.startAgent(bed, { repos, networkKey: key, swarm: "", mirrors: [nginx.url], netns });
  const agents = new Map();
  for (const box of boxes) agents.set(box, await start(box, networkKey));
  for (const agent of agents.values()) while (peersOf(agent) < BOXES - 1) await delay(100);
  agents.set(hermit, await start(hermit));
  return { url: ({ byDigest }, host) => agents.get(host).url + byDigest };
}

function peersOf(agent) {
  return JSON.parse(bench.distswarm(agent, ["status", "--json"])).swarm.peers.length;
}

function shapeAsAtHome({ mirrorHost, hosts }) {
  shape(hosts, "1gbit");
  shape([mirrorHost], "200mbit");
}

/** All at the same moment, each host its files one after another: seconds to the last, and MiB that left upstream. */
async function ask({ mirrorHost }, requests, system) {
  const before = bytesOut(mirrorHost);
  const began = performance.now();
  await Promise.all(requests.map((request) => download(request, system)));
  const seconds = (performance.now() - began) / 1000;
  await delay(SETTLE_MS);
  return { seconds, mib: (bytesOut(mirrorHost) - before) / MIB };
}

/** Of each system all boxes ask at the same moment for a file that none of them has; throws where one gets other bytes. */
async function checkBytes(bed, { boxes, systems, checked }) {
  for (const system of systems) {
    const copies = boxes.map((host) => ({ host, path: join(bed.dir, `${host.netns}-copy`) }));
    await Promise.all(copies.map(({ host, path }) => download({ host, files: [checked] }, system, path)));
    for (const { path } of copies) {
      const digest = createHash("blake2b512").update(readFileSync(path)).digest("hex");
      if (digest !== checked.digest) throw new Error(`${system.name}: wrong bytes arrived`);
    }
  }
}

async function download({ host, files }, system, to = "/dev/null") {
  const args = ["netns", "exec", host.netns, "curl", "-sSf", "-w", "%{size_download}\n", "-K", "-"];
  const curl = spawn("ip", args, { stdio: ["pipe", "pipe", "inherit"] });
  curl.stdin.end(files.map((file) => `url = "${system.url(file, host)}"\noutput = "${to}"\n`).join(""));
  const sizes = (await text(curl.stdout)).trim().split("\n").map(Number);
  if (sizes.join() !== files.map(({ size }) => size).join()) throw new Error(`${system.name}: not all bytes arrived`);
}

async function inTurns(measure) {
  const results = [];
  for (const turn of turns) results.push(await measure(turn));
  return { seconds: results.map(({ seconds }) => seconds), mib: results.map(({ mib }) => mib) };
}

function tell(what, all, one, unit, bound) {
  const [ours, theirs] = [all, one].map((value) => (Array.isArray(value) ? bench.median(value) : value));
  bench.row(what, ours, theirs, ours / theirs, bound || undefined, unit);
}

/** 200 distfiles of 20 KB to 5 MB: as many between 20 and 40 KB as between 2 and 4 MB. */
function makeSet(bed, turn) {
  const size = (at) => Math.round(20_000 * (5_000_000 / 20_000) ** (at / 199));
  return Array.from({ length: 200 }, (_, at) => bench.makeDistfile(bed, `many-${turn}-${at}.tar.xz`, size(at)));
}

function sizeOf(files) {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** An order of its own for each seed, the same in each run. */
function shuffled(files, seed) {
  const rank = ({ name }) => createHash("sha256").update(`${seed} ${name}`).digest("hex");
  return files.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
