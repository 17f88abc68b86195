// What an idle agent costs: its memory with a repository's index and six peers, and its CPU and disk writes over a minute.
//
//   npm run build && sudo node bench/idle.mjs DIR-OF-A-REPOSITORY [SECONDS]
import { setTimeout as delay } from "node:timers/promises";
import { NetworkKey } from "../build/swarm/network-key.js";
import { cpuSeconds, distswarm, makeRepository, row, rssMiB, startAgent, withBed, writtenKiB } from "./lib/bed.mjs";
import { withHosts } from "./lib/hosts.mjs";

const PEERS = 6;
const SETTLE_MS = 15_000;
const [repo, seconds = "60"] = process.argv.slice(2);
if (repo === undefined) throw new Error("name the directory of a repository");

await withHosts(PEERS + 1, (hosts) =>
  withBed(async (bed) => {
    const networkKey = NetworkKey.generate().reveal();
    const start = ({ netns }, repos) =>
      startAgent(bed, { repos, mirrors: ["http://127.0.0.1:1"], networkKey, swarm: "", netns });
    const [first, ...others] = hosts;
    const agent = await start(first, [repo]);
    const small = makeRepository(bed, []);
    for (const host of others) await start(host, [small]);
    await delay(SETTLE_MS);
    const { swarm, index } = JSON.parse(distswarm(agent, ["status", "--json"]));
    console.log(`${swarm.peers.length} peers, ${index.distfiles} distfiles in the index`);
    row("memory, idle (RSS)", rssMiB(agent.pid), undefined, rssMiB(agent.pid), { most: 160 }, "MiB");
    const before = cpuSeconds(agent.pid);
    const writtenBefore = writtenKiB(agent.pid);
    await delay(Number(seconds) * 1000);
    const percent = ((cpuSeconds(agent.pid) - before) / Number(seconds)) * 100;
    row("CPU, idle", percent, undefined, percent, { most: 0.5 }, "%");
    const written = writtenKiB(agent.pid) - writtenBefore;
    row("disk writes, idle", written, undefined, written, { most: 0 }, "KiB");
    row("memory, idle, later (RSS)", rssMiB(agent.pid), undefined, rssMiB(agent.pid), { most: 160 }, "MiB");
  }),
);
