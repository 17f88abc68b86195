import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { buildForAll } from "../support/build.ts";
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
  const otherNetworkKey = NetworkKey.generate().reveal();

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

  /** A swarm, and the one of it that something happens to. */
  interface Swarm {
    readonly away: Agent;
    readonly others: readonly Agent[];
  }

  /** Two swarms on one LAN that do not know each other, so that both are seen in the time of one. */
  async function sevenAndTwo(): Promise<Swarm[]> {
    await up(9, (number) => (number > 7 ? { networkKey: otherNetworkKey } : {}));
    const swarms = [agents.slice(0, 7), agents.slice(7)].map((members) => ({
      away: members.at(-1)!,
      others: members.slice(0, -1),
    }));
    await Promise.all(swarms.map(({ away, others }) => fullMesh([...others, away], 5000)));
    return swarms;
  }

  async function expectApart(swarms: readonly Swarm[]): Promise<void> {
    for (const { others } of swarms) for (const agent of others) expect(await agent.peers()).toBe(others.length - 1);
  }

  async function expectWholeAgain(after: string, swarms: readonly Swarm[], withinMs = HEALED_WITHIN_MS): Promise<void> {
    const meshes = swarms.map(({ away, others }) => fullMesh([...others, away], withinMs));
    for (const [at, ms] of (await Promise.all(meshes)).entries())
      report(`${swarms[at]!.others.length + 1} hosts whole again ${after}`, ms);
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
    "one of seven hosts and one of two that were %s for 30 s are back within 15 s",
    async (how) => {
      const swarms = await sevenAndTwo();
      for (const { away } of swarms) await lan[how](away.number);
      await setTimeout(SILENCE_MS);
      await expectApart(swarms);
      for (const { away } of swarms) await (how === "cut" ? lan.heal(away.number) : lan.unmute(away.number));
      await expectWholeAgain(`after ${how}`, swarms);
    },
    90_000,
  );

  it("one of seven hosts and one of two that slept for 30 s are back within 15 s", async () => {
    const swarms = await sevenAndTwo();
    for (const { away } of swarms) away.sleep(true);
    await setTimeout(SILENCE_MS);
    await expectApart(swarms);
    for (const { away } of swarms) away.sleep(false);
    await expectWholeAgain("after sleep", swarms);
  }, 90_000);

  it("one of seven hosts and one of two whose addresses change are back within 15 s", async () => {
    const swarms = await sevenAndTwo();
    const newAddressOf = ({ number }: Agent): string => `10.77.18.${200 + number}`;
    for (const { away } of swarms) await lan.setAddress(away.number, newAddressOf(away));
    const began = performance.now();
    for (const { away, others } of swarms) {
      const isAtNew = async (agent: Agent): Promise<boolean> =>
        (await agent.status()).peers.some(({ address }) => address === `${newAddressOf(away)}:${PORT}`);
      const left = HEALED_WITHIN_MS - (performance.now() - began);
      const known = async (): Promise<boolean> => (await Promise.all(others.map(isAtNew))).every(Boolean);
      await expect.poll(known, { timeout: left, interval: 50 }).toBe(true);
    }
    report("known at their new addresses", performance.now() - began);
    await expectWholeAgain("after a change of address", swarms, HEALED_WITHIN_MS - (performance.now() - began));
  });

  it("a newcomer finds the rest when the host that was first is gone for good", async () => {
    await up(7);
    await fullMesh(agents, 5000);
    await agents.shift()!.remove();
    agents.push(await start(await lan.addHost()));
    report("newcomer", await fullMesh(agents, 5000));
  });

  it("without multicast, the first host gone for good, a newcomer that was told of one finds the rest, and so does one that was there before", async () => {
    const [first, second] = ["10.77.18.101", "10.77.18.102"].map((host) => ({ host, port: PORT }));
    await up(7, (number) => ({ multicast: false, peers: number === 1 ? [] : [first!] }));
    await fullMesh(agents, 5000);
    await agents.shift()!.remove();
    const last = agents.pop()!;
    await last.stop();
    agents.push(await start(await lan.addHost(), { multicast: false, peers: [first!, second!] }));
    agents.push(await start(last.number, { multicast: false, peers: [first!], stateDir: last.stateDir }));
    report("newcomer, and one that came back, without multicast", await fullMesh(agents, 5000));
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
