// Stored and cold files beside nginx, median of nine turns, and the agent's memory.
//
//   npm run build && node bench/serve.mjs [DIR of a repository to index as well]
//
// Needs nginx and curl; the cold file over a line of 200 Mbit/s needs root (network namespaces) and is left out without.
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import {
  curlAtOnce,
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
import { shape, withHosts } from "./lib/hosts.mjs";

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

if (process.getuid() === 0) await withHosts(2, (hosts) => withBed((bed) => coldOverALine(bed, hosts)));
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
  return Math.max(
    ...curlAtOnce(
      Array.from({ length: 50 }, () => url),
      "%{time_starttransfer}",
    ),
  );
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
async function coldOverALine(bed, hosts) {
  shape(hosts, "200mbit");
  const [{ netns }, up] = hosts;
  const files = Array.from({ length: 5 }, (_, at) => makeDistfile(bed, `cold-${at}.tar.xz`, 100 * MIB));
  const repos = [makeRepository(bed, files)];
  const nginx = await startNginx(bed, `root ${bed.mirror};`, { host: up.address, netns: up.netns });
  const agent = await startAgent(bed, { repos, mirrors: [nginx.url], netns });
  const ours = [];
  const direct = [];
  for (const file of files) {
    direct.push(curlSeconds(nginx.url + file.byName, { netns }));
    ours.push(curlSeconds(agent.url + file.byDigest, { netns }));
  }
  const ratio = median(ours) / median(direct);
  row("cold 100 MiB over 200 Mbit/s, beside direct", median(ours), median(direct), ratio, { most: 1.05 }, "s");
}
