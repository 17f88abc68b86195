import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { buildForAll } from "./build.ts";
import { fullMesh } from "./full-mesh.ts";
import { Agent, PORT, type AgentOptions } from "./host.ts";
import { Lan, whyNoNamespaces } from "./lan.ts";
import { named } from "../support/skipped.ts";

const SILENCE_MS = 30_000;
const HEALED_WITHIN_MS = 15_000;
const skipped = whyNoNamespaces();

describe.skipIf(skipped !== undefined)(named("a LAN of hosts", skipped), () => {
  const project = buildForAll();
  let lan: Lan;
  let agents: Agent[];
  const networkKey = NetworkKey.generate().reveal();

  afterEach(async () => {
    await Promise.all(agents.map((agent) => agent.remove()));
    await lan.down();
  });

  async function up(hosts: number, options: (number: number) => Partial<AgentOptions> = () => ({})): Promise<void> {
    agents = [];
    lan = await Lan.up(hosts);
    const numbers = Array.from({ length: hosts }, (_, index) => index + 1);
    agents = await Promise.all(numbers.map((number) => start(number, options(number))));
  }

  function start(number: number, options: Partial<AgentOptions> = {}): Promise<Agent> {
    return Agent.start(lan, number, { dist: project.dir, networkKey, ...options });
  }

  async function havesKnownTo(agent: Agent): Promise<number> {
    return (await agent.status()).haves;
  }

  function report(what: string, ms: number): void {
    console.log(`${what}: ${Math.round(ms)} ms`);
  }

  it.each([2, 7])("%i hosts with nothing but the key are a full mesh within 2 s", async (hosts) => {
    await up(hosts);
    report(`full mesh of ${hosts}`, await fullMesh(agents, 2000));
  });

  it("without multicast, one static peer each is enough, within 5 s", async () => {
    const first = { host: "10.77.18.101", port: PORT };
    await up(7, (number) => ({ multicast: false, peers: number === 1 ? [] : [first] }));
    report("full mesh of 7 by one static peer", await fullMesh(agents, 5000));
  });

  it.each(["cut", "mute"] as const)(
    "a host that was %s for 30 s is back within 15 s",
    async (how) => {
      await up(4);
      await fullMesh(agents, 5000);
      await lan[how](3);
      await setTimeout(SILENCE_MS);
      expect((await agents[0]!.status()).peers).toHaveLength(2);
      await (how === "cut" ? lan.heal(3) : lan.unmute(3));
      report(`whole again after ${how}`, await fullMesh(agents, HEALED_WITHIN_MS));
    },
    90_000,
  );

  it("a host that slept for 30 s is back within 15 s", async () => {
    await up(4);
    await fullMesh(agents, 5000);
    agents[2]!.sleep(true);
    await setTimeout(SILENCE_MS);
    expect((await agents[0]!.status()).peers).toHaveLength(2);
    agents[2]!.sleep(false);
    report("whole again after sleep", await fullMesh(agents, HEALED_WITHIN_MS));
  }, 90_000);

  it("a host whose address changes is back within 15 s", async () => {
    await up(4);
    await fullMesh(agents, 5000);
    await lan.setAddress(3, "10.77.18.203");
    const at = async (agent: Agent): Promise<boolean> =>
      (await agent.status()).peers.some(({ address }) => address === `10.77.18.203:${PORT}`);
    const began = performance.now();
    while (!(await at(agents[0]!)) || !(await at(agents[1]!)) || !(await at(agents[3]!))) {
      expect(performance.now() - began).toBeLessThan(HEALED_WITHIN_MS);
      await setTimeout(50);
    }
    await fullMesh(agents, HEALED_WITHIN_MS);
    report("whole again after a change of address", performance.now() - began);
  });

  it("a newcomer finds the rest when the host that was first is gone for good", async () => {
    await up(4);
    await fullMesh(agents, 5000);
    await agents.shift()!.remove();
    agents.push(await start(await lan.addHost()));
    report("newcomer", await fullMesh(agents, 5000));
  });

  it("a holder that falls silent costs 0.1 s beside another, and at most 1.2 s alone, once", async () => {
    await up(3);
    await fullMesh(agents, 5000);
    const [size, both, one] = [2 ** 20, 1, 2];
    const common = await agents[0]!.call("make", size, both);
    await agents[1]!.call("make", size, both);
    const rare = await agents[1]!.call("make", size, one);
    await expect.poll(() => havesKnownTo(agents[2]!)).toBe(3);
    await lan.mute(2);
    for (let round = 0; round < 4; round += 1) {
      expect(await get(common)).toMatchObject({ from: "h1 (10.77.18.101)" });
    }
    const { ms } = await get(rare);
    const again = await get(rare);
    report("a silent holder alone", ms);
    expect(ms).toBeLessThan(1200);
    expect(again.ms).toBeLessThan(50);

    async function get(digest: unknown): Promise<{ ms: number; from: string | null }> {
      const got = await agents[2]!.call<{ ms: number; from: string | null }>("get", digest, size);
      if (got.from !== null) expect(got.ms).toBeLessThan(1000);
      return got;
    }
  });

  it("a host on two networks is in session with the hosts of both, and they do not meet", async () => {
    agents = [];
    lan = new Lan();
    const numbers = [await lan.addHost([1, 2]), await lan.addHost([1]), await lan.addHost([2])];
    agents = await Promise.all(numbers.map((number) => start(number)));
    const addresses = async (agent: Agent): Promise<string[]> =>
      (await agent.status()).peers.map(({ address }) => address).sort();
    const began = performance.now();
    while ((await addresses(agents[0]!)).length < 2) {
      expect(performance.now() - began).toBeLessThan(5000);
      await setTimeout(50);
    }
    expect(await addresses(agents[0]!)).toEqual([`10.77.18.102:${PORT}`, `10.77.19.103:${PORT}`]);
    expect(await addresses(agents[1]!)).toEqual([`10.77.18.101:${PORT}`]);
    expect(await addresses(agents[2]!)).toEqual([`10.77.19.101:${PORT}`]);
  });

  it("sends no packet to the world outside", async () => {
    agents = [];
    lan = await Lan.up(2);
    await lan.addWayOut(1);
    agents = [await start(1), await start(2)];
    await fullMesh(agents, 5000);
    await lan.cut(2); // with nobody left, it must look for nobody outside either
    await setTimeout(20_000);
    expect(await lan.packetsOut(1)).toBe(0);
    const send = 'require("dgram").createSocket("udp4").send("x", 9, "198.51.100.1", process.exit)';
    await once(lan.spawn(1, process.execPath, ["-e", send]), "exit");
    expect(await lan.packetsOut(1)).toBeGreaterThan(0); // it would have been seen
  });

  it("a file that one host has comes to another by its hash", async () => {
    await up(2);
    await fullMesh(agents, 2000);
    const size = 64 * 2 ** 20;
    const digest = await agents[0]!.call("make", size);
    await expect.poll(() => havesKnownTo(agents[1]!)).toBe(1);
    expect(await agents[1]!.call("get", digest, size)).toMatchObject({ from: "h1 (10.77.18.101)" });
  });
});
