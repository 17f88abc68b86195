import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { startAgentProcess, type AgentProcess } from "../support/agent-process.ts";
import { freePort } from "../support/free-port.ts";
import { makeRepository, pathByDigest, testFile } from "../support/repository.ts";
import { atFirst, slow, startMirror, well, type MockMirror } from "../support/zoo/zoo.ts";

const MIB = 2 ** 20;
const big = testFile("big-1.tar.xz", 2 * MIB);
const small = testFile("small-1.tar.xz", 1000);

interface Service {
  readonly mirror: MockMirror;
  agent: AgentProcess;
  start(): Promise<AgentProcess>;
  /** Writes the config anew with these sections on top, and tells the agent. */
  reload(more: string): Promise<void>;
}

/** An agent beside one mirror, which sends 1 MiB/s at first. */
async function service(): Promise<Service> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-service-"));
  const swarmPort = await freePort();
  const mirror = await startMirror(atFirst(slow(MIB)), { [big.name]: big.bytes, [small.name]: small.bytes });
  await makeRepository(join(dir, "repo"), [big, small]);
  const config = (proxy: string, more: string) => `
    proxy = { listen = ["127.0.0.1:0"], verify_first = "4KiB"${proxy} }
    store = { dir = "${dir}/store", min_free = "0B" }
    portage = { repos = ["${dir}/repo"], distdir = "" }
    upstream = { mirrors = ["${mirror.url}"] }
    swarm = { listen = "127.0.0.1:${swarmPort}", networks = ["127.0.0.0/8"], multicast = false }
    ${more}`;
  const running: Service = {
    mirror,
    agent: undefined as unknown as AgentProcess,
    start: async () => (running.agent = await startAgentProcess({ dir, config: config("", "") })),
    reload: async (more) => {
      const [proxy = "", rest = ""] = more.split("\n");
      await writeFile(join(dir, "distswarm.toml"), `state_dir = "${dir}/state"\n${config(proxy, rest)}`);
      process.kill(running.agent.pid, "SIGHUP");
    },
  };
  await running.start();
  onTestFinished(async () => {
    await running.agent.end("SIGKILL");
    await mirror.close();
    await rm(dir, { recursive: true, force: true });
  });
  return running;
}

/** Asks for a file until the Manifests are read, and hands out the answer when its first bytes are there. */
async function begin({ url }: AgentProcess, digest: string): Promise<IncomingMessage> {
  for (;;) {
    const [response] = (await once(get(url + pathByDigest({ digest })), "response")) as [IncomingMessage];
    if (response.statusCode === 200) return response;
    response.resume();
    await once(response, "close");
  }
}

const logged = (agent: AgentProcess, line: RegExp) => expect.poll(() => agent.log.join("\n")).toMatch(line);

describe("SIGHUP", () => {
  test("brings a new config into effect, and no client is dropped", async () => {
    const { agent, reload, mirror } = await service();
    const download = await begin(agent, big.digest);
    await reload(', allow = ["10.0.0.0/8"]\nlog.level = "debug"');
    await logged(agent, /info +config read again: proxy\.allow, log\.level changed/);
    expect((await fetch(agent.url)).status).toBe(403);
    expect((await buffer(download)).equals(big.bytes)).toBe(true);
    expect(mirror.files()).toHaveLength(1);
  });

  test("names what only a restart brings into effect, and a mistake changes nothing", async () => {
    const { agent, reload } = await service();
    await reload(', connect_ports = [80], allow = ["10.0.0.0/8"]');
    await logged(agent, /warn +changed, but only a restart brings it into effect: proxy\.connect_ports/);
    const warnings = async (): Promise<string> => (await agent.client.status()).warnings.join("\n");
    expect(await warnings()).toMatch(/^changed, but only a restart brings it into effect: proxy\.connect_ports$/m);
    await reload(", allow = [1]");
    await logged(agent, /error the config was not read again, the old one stays: .*proxy\.allow\[0\] is 1; it must be/);
    expect((await fetch(agent.url)).status).toBe(403);
    expect(await warnings()).toMatch(/^the config was not read again, the old one stays: .*proxy\.allow\[0\]/m);
    expect(await warnings()).toMatch(/only a restart brings it into effect: proxy\.connect_ports$/m); // still waits
    await reload("");
    await expect.poll(warnings).not.toMatch(/config|restart/);
  });
});

test("with a download under way it stops within 5 s, and takes it up again after the next start", async () => {
  const running = await service();
  const broken = await begin(running.agent, big.digest);
  const begun = performance.now();
  const cut = expect(buffer(broken)).rejects.toThrow("aborted");
  expect(await running.agent.end("SIGTERM")).toBe(0);
  expect(performance.now() - begun).toBeLessThan(5000);
  await cut;

  running.mirror.become(well);
  await running.start();
  expect((await buffer(await begin(running.agent, big.digest))).equals(big.bytes)).toBe(true);
  expect(running.mirror.files().at(-1)?.headers.range).toMatch(/^bytes=[1-9]\d*-/);
});
