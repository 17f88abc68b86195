import { afterEach, describe, expect, it } from "vitest";
import type { TransferStatus } from "../../src/core/report/transfer-status.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { testFile, type TestFile } from "../support/repository.ts";
import { AgentHost, type AgentHostOptions } from "./agent-host.ts";
import { buildForAll } from "../support/build.ts";
import { fullMesh } from "./full-mesh.ts";
import { Lan, whyNoNamespaces } from "./lan.ts";
import { named } from "../support/skipped.ts";

const MIB = 2 ** 20;
const MESH_WITHIN_MS = 2000;
const PATIENT = { timeout: 20_000 };
const skipped = whyNoNamespaces();

const small = Array.from({ length: 300 }, (_, number) => testFile(`file-${number}.tar.gz`, 1000 + 397 * number));
const large = testFile("large-1.0.tar.xz", 160 * MIB);

describe.skipIf(skipped !== undefined)(named("boxes on a LAN", skipped), () => {
  const project = buildForAll();
  let lan: Lan;
  let boxes: AgentHost[];
  const networkKey = NetworkKey.generate().reveal();

  afterEach(async () => {
    await Promise.all(boxes.map((box) => box.remove()));
    await lan.down();
  });

  /** Boxes with nothing but the key, that have these files in their DISTDIRs. */
  async function up(has: readonly (readonly TestFile[])[], files: readonly TestFile[] = []): Promise<AgentHost[]> {
    boxes = [];
    lan = await Lan.up(has.length);
    boxes = await Promise.all(has.map((present, index) => start(index + 1, { files, has: present, networkKey })));
    return boxes;
  }

  function start(number: number, options: Omit<AgentHostOptions, "dist">): Promise<AgentHost> {
    return AgentHost.start(lan, number, { dist: project.dir, ...options });
  }

  async function hears(box: AgentHost, distfiles: number): Promise<void> {
    const counts = async (): Promise<number[]> => (await box.status()).swarm.peers.map((peer) => peer.distfiles);
    await expect.poll(counts, PATIENT).toContain(distfiles);
  }

  it.each([2, 7])("%i of them with nothing but the key are a full mesh within 2 s", async (count) => {
    await up(Array.from({ length: count }, () => []));
    const ms = await fullMesh(boxes, MESH_WITHIN_MS);
    console.log(`full mesh of ${count} agents: ${Math.round(ms)} ms`);
  });

  it("get from each other all that one has, without upstream, and count it", async () => {
    const [h1, h2] = (await up([small, []], small)) as [AgentHost, AgentHost];
    await hears(h2, small.length);
    const answers = await h2.ask(small);
    expect(answers).toEqual(small.map(({ digest }) => ({ status: 200, digest })));
    const all = { requests: small.length, bytes: small.reduce((sum, { bytes }) => sum + bytes.length, 0) };
    const [giver, taker] = [await h1.status(), await h2.status()];
    expect(giver.uploaded).toEqual(all);
    expect(giver.swarm.peers[0]).toMatchObject({ sent: all.bytes, faults: 0 });
    expect(taker.served).toMatchObject({ peer: all, upstream: { requests: 0, bytes: 0 } });
    expect(taker.swarm.peers[0]).toMatchObject({ received: all.bytes, faults: 0 });
    expect(taker.mirrors[0]).toMatchObject({ requests: 0, failures: 0 });
    await expect.poll(async () => (await h2.status()).store.blobs, PATIENT).toBe(small.length); // answered before that
    expect([giver.swarm.port?.open, taker.swarm.port?.open]).toEqual([[taker.host], [giver.host]]);
  });

  it("go on with another holder when the one that gives is killed in mid-file", async () => {
    const [h1, h2, h3] = (await up([[large], [large], []], [large])) as [AgentHost, AgentHost, AgentHost];
    await Promise.all([hears(h1, 1), hears(h2, 1)]);
    await expect
      .poll(async () => (await h3.status()).swarm.peers.map((peer) => peer.distfiles), PATIENT)
      .toEqual([1, 1]);
    const answer = h3.ask([large]);
    const transfer = async (): Promise<TransferStatus | undefined> => (await h3.status()).transfers[0];
    await expect.poll(async () => (await transfer())?.received ?? 0, { ...PATIENT, interval: 5 }).toBeGreaterThan(MIB);
    await ((await transfer())?.source?.includes(lan.address(1)) ? h1 : h2).end("SIGKILL");
    expect(await answer).toEqual([{ status: 200, digest: large.digest }]);
    const [explained] = (await h3.client.explain(large.name)).files;
    expect(explained!.attempts.map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ["peer", "BROKEN"],
      ["peer", "ok"],
    ]);
  });

  it("name the one whose TCP port a firewall closes, with the port to open, and so does that one itself", async () => {
    boxes = [];
    lan = await Lan.up(2);
    await lan.closePort(2, 8481);
    const [h1, h2] = (boxes = await Promise.all([1, 2].map((number) => start(number, { networkKey })))) as [
      AgentHost,
      AgentHost,
    ];
    const { host } = await h1.status(); // the hosts of a test have one name
    const problem = async (): Promise<string | undefined> => (await h1.status()).swarm.peers[0]?.problem;
    await expect.poll(problem, PATIENT).toBe(`TCP port 8481 is closed: open it in the firewall of ${host}`);
    const own = async (): Promise<unknown> => (await h2.status()).swarm["port"];
    await expect.poll(own, PATIENT).toEqual({ open: [], closed: [host] });
    expect((await h2.status()).swarm.peers[0]).not.toHaveProperty("problem");
    expect(await h2.doctor()).toContain("open 8481/tcp and 8481/udp in the firewall of this box");
  });

  it("give nothing to one without the key", async () => {
    const files = small.slice(0, 3);
    const [h1, h2] = (await up([files, []], files)) as [AgentHost, AgentHost];
    await hears(h2, files.length);
    const stranger = await start(await lan.addHost(), { files, swarm: `peers = ["${lan.address(1)}:8481"]` });
    boxes.push(stranger);
    const turnedAway = async (): Promise<number> =>
      Object.values((await h1.status()).swarm["rejected"] as Record<string, number>).reduce((a, b) => a + b);
    await expect.poll(turnedAway, PATIENT).toBeGreaterThan(0);
    expect((await stranger.ask(files)).map(({ status }) => status)).toEqual([502, 502, 502]);
    expect((await stranger.status()).swarm).toMatchObject({ peers: [], haves: 0 });
    expect((await h1.status()).uploaded.requests + (await h2.status()).uploaded.requests).toBe(0);
  });
});
