// What the service costs: from cold to the first answer beside a bare server, an answer of `status`, and idle CPU (with
// six peers: idle.mjs).
//
//   npm run build && node bench/service.mjs [TURNS]
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ControlClient } from "../build/control/client.js";
import { cpuSeconds, median } from "./lib/bed.mjs";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const BARE = fileURLToPath(new URL("lib/bare-server.mjs", import.meta.url));
/** V8 still compiles and collects after a start. */
const SETTLE_MS = 15_000;
const IDLE_MS = 20_000;

const turns = Number(process.argv[2] ?? 9);
const ms = (value) => `${value.toFixed(1)} ms`;

/** Starts a server, asks it once, and hands it to `use`; resolves to the time to its first answer and what `use` gave. */
async function withServer(command, use = async () => undefined) {
  const began = performance.now();
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let url;
    for await (const line of createInterface({ input: child.stdout })) {
      url = /ready: .*(http:\/\/\S+)/.exec(line)?.[1];
      if (url !== undefined) break;
    }
    await (await fetch(`${url}/distfiles/layout.conf`)).text();
    return { first: performance.now() - began, result: await use(child) };
  } finally {
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  }
}

const dir = mkdtempSync(join(tmpdir(), "distswarm-bench-"));
try {
  const config = join(dir, "distswarm.toml");
  writeFileSync(
    config,
    `state_dir = "${dir}/state"
     proxy.listen = ["127.0.0.1:0"]
     store = { dir = "${dir}/store", min_free = "0B" }
     portage = { repos = [], distdir = "" }
     upstream.mirrors = []
     swarm = { listen = "127.0.0.1:0", multicast = false }`,
  );
  const agent = [MAIN, "agent", "--config", config];
  const bare = [BARE, join(dir, "bare")];
  const times = { agent: [], bare: [] };
  for (let turn = 0; turn < turns; turn++) {
    times.bare.push((await withServer(bare)).first);
    times.agent.push((await withServer(agent)).first);
  }
  const ratio = median(times.agent) / median(times.bare);
  console.log(
    `first answer: ${ms(median(times.agent))}, bare server ${ms(median(times.bare))}, ratio ${ratio.toFixed(2)}`,
  );

  await withServer(agent, async ({ pid }) => {
    const client = new ControlClient({ dir: join(dir, "state") });
    const answers = [];
    const commands = [];
    for (let turn = 0; turn < turns; turn++) {
      let began = performance.now();
      await client.status();
      answers.push(performance.now() - began);
      began = performance.now();
      execFileSync(process.execPath, [MAIN, "status", "--config", config]);
      commands.push(performance.now() - began);
    }
    console.log(`status: ${ms(median(answers))} at the socket, ${ms(median(commands))} as a command`);
    await delay(SETTLE_MS);
    const before = cpuSeconds(pid);
    await delay(IDLE_MS);
    const share = (100_000 * (cpuSeconds(pid) - before)) / IDLE_MS;
    console.log(`idle: ${share.toFixed(2)} % of a core over ${IDLE_MS / 1000} s, without peers`);
  });
} finally {
  rmSync(dir, { recursive: true, force: true });
}
