// Stored and cold files beside nginx, median of nine turns, and the agent's memory.
//
//   npm run build && node bench/serve.mjs [DIR of a repository to index as well]
//
// Needs nginx and curl; the cold file over a line of 200 Mbit/s needs root (network namespaces) and is left out without.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import {
  curl,
  curlSeconds,
  makeDistfile,
  makeRepository,
  median,
  row,
  rssMiB,
  startAgent,
  startNginx,
  stored,
  withBed,
} from "./lib/bed.mjs";

const TURNS = 9;
const MIB = 2 ** 20;

await withBed(async (bed) => {
  const giant = makeDistfile(bed, "giant-1.0.tar.xz", 1024 * MIB);
  const medium = makeDistfile(bed, "medium-1.0.tar.xz", MIB);
  const repos = [makeRepository(bed, [giant, medium]), ...process.argv.slice(2)];
  const nginx = await startNginx(bed, `root ${bed.mirror};`);
  const agent = await startAgent(bed, { repos, mirrors: [nginx.url] });
  await delay(5000); // a given repository is being indexed
  console.log(`agent idle: ${rssMiB(agent.pid).toFixed(0)} MiB RSS\n`);
  console.log(`${"".padEnd(48)} ${"agent".padStart(9)} ${"nginx".padStart(9)}        ratio`);
  for (const file of [giant, medium]) {
    curlSeconds(agent.url + file.byDigest);
    await stored(agent.url, file.byDigest);
  }
  storedGiant(agent, nginx, giant);
  firstBytes(agent, nginx, medium);
  await tenStreams(agent, giant);
});

if (process.getuid() === 0) await coldOverALine();
else console.log("cold over a line of 200 Mbit/s: left out, network namespaces need root");

function storedGiant(agent, nginx, giant) {
  const ours = [];
  const theirs = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    ours.push(giant.size / MIB / curlSeconds(agent.url + giant.byDigest));
    theirs.push(giant.size / MIB / curlSeconds(nginx.url + giant.byName));
  }
  row("stored 1 GiB to curl", median(ours), median(theirs), median(ours) / median(theirs), { least: 0.9 }, "MiB/s");
}

function firstBytes(agent, nginx, medium) {
  const ours = [];
  const theirs = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    ours.push(slowestOf50(agent.url + medium.byDigest));
    theirs.push(slowestOf50(nginx.url + medium.byName));
  }
  row(
    "stored 1 MiB, 50 at once: slowest first byte",
    median(ours),
    median(theirs),
    median(ours) / median(theirs),
    { most: 1.5 },
    "ms",
  );
}

function slowestOf50(url) {
  const outputs = Array.from({ length: 50 }, () => ["-o", "/dev/null", url]).flat();
  const lines = curl([
    "-Z",
    "--no-progress-meter",
    "--parallel-immediate",
    "--parallel-max",
    "50",
    "-w",
    "%{time_starttransfer}\n",
    ...outputs,
  ]);
  return 1000 * Math.max(...lines.map(Number));
}

async function tenStreams(agent, giant) {
  const clients = Array.from({ length: 10 }, () =>
    spawn("curl", ["-s", "-o", "/dev/null", "--limit-rate", "100M", agent.url + giant.byDigest]),
  );
  let most = 0;
  for (let look = 0; look < 20; look += 1) {
    await delay(200);
    most = Math.max(most, rssMiB(agent.pid));
  }
  for (const client of clients) client.kill();
  row("memory with ten streams (most)", most, undefined, most, { most: 230 }, "MiB");
}

/** A host with the agent and one with the mirror, on a line of 200 Mbit/s. */
async function coldOverALine() {
  const id = randomBytes(2).toString("hex");
  const [box, up] = [`dsb-${id}-box`, `dsb-${id}-up`];
  const ip = (...args) => execFileSync("ip", args);
  ip("netns", "add", box);
  ip("netns", "add", up);
  try {
    ip("link", "add", "eth0", "netns", box, "type", "veth", "peer", "name", "eth0", "netns", up);
    for (const [name, address] of [
      [box, "10.99.0.2/24"],
      [up, "10.99.0.1/24"],
    ]) {
      ip("-n", name, "addr", "add", address, "dev", "eth0");
      ip("-n", name, "link", "set", "eth0", "up");
      ip("-n", name, "link", "set", "lo", "up");
      execFileSync("tc", [
        "-n",
        name,
        "qdisc",
        "add",
        "dev",
        "eth0",
        "root",
        "tbf",
        "rate",
        "200mbit",
        "burst",
        "256kb",
        "latency",
        "50ms",
      ]);
    }
    await withBed(async (bed) => {
      const files = Array.from({ length: 5 }, (_, at) => makeDistfile(bed, `cold-${at}.tar.xz`, 100 * MIB));
      const repos = [makeRepository(bed, files)];
      const nginx = await startNginx(bed, `root ${bed.mirror};`, { host: "10.99.0.1", netns: up });
      const agent = await startAgent(bed, { repos, mirrors: [nginx.url], netns: box });
      const ours = [];
      const direct = [];
      for (const file of files) {
        direct.push(curlSeconds(nginx.url + file.byName, { netns: box }));
        ours.push(curlSeconds(agent.url + file.byDigest, { netns: box }));
      }
      row(
        "cold 100 MiB over 200 Mbit/s, beside direct",
        median(ours),
        median(direct),
        median(ours) / median(direct),
        { most: 1.05 },
        "s",
      );
    });
  } finally {
    ip("netns", "del", box);
    ip("netns", "del", up);
  }
}
