import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { fileName } from "../../src/snapshot/name.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { makeUnit, writeKeyring, type TestUnit } from "../snapshot/support/unit.ts";
import { hasProgram } from "../support/nginx.ts";
import { treeTarball } from "../support/tree-tarball.ts";
import { DATE, key, mirrorFiles, ORDER, SYNC } from "../support/webrsync.ts";
import { AgentHost, DOOR } from "./agent-host.ts";
import { build, type Build } from "../support/build.ts";
import { fullMesh } from "./full-mesh.ts";
import { Lan, whyNoNamespaces } from "./lan.ts";
import { NginxHost, type MirrorLine } from "./nginx-host.ts";
import { named } from "../support/skipped.ts";

const MIB = 2 ** 20;
/** A tarball of some 20 MiB: above `proxy.verify_first`, so that the client of the box that downloads is passed it. */
const BYTES_OF_AN_EBUILD = 70_000;
/** What upstream gives, in bytes a second: the download takes about 2 s. */
const UPSTREAM_RATE = 10 * MIB;
const HOSTS = 7;

const hasAll = (await hasProgram("nginx")) && (await hasProgram("gpg")) && (await hasProgram("wget"));
const skipped = whyNoNamespaces() ?? (hasAll ? undefined : "it takes nginx, wget and gpg");

describe.skipIf(skipped !== undefined)(named("tree snapshots", skipped), () => {
  let project: Build | undefined;
  let dir: string;
  let unit: TestUnit;
  let lan: Lan;
  let mirror: NginxHost | undefined;
  let hosts: AgentHost[];
  const networkKey = NetworkKey.generate().reveal();

  beforeAll(async () => {
    project = await build();
    dir = await mkdtemp(join(tmpdir(), "distswarm-sync-"));
    await writeKeyring(join(dir, "gentoo-release.asc"), key);
    unit = await makeUnit(key, { date: DATE, tarball: await treeTarball(DATE, BYTES_OF_AN_EBUILD) });
  });
  afterAll(async () => {
    await project?.remove();
    await rm(dir, { recursive: true, force: true });
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.remove()));
    await lan.down();
    await mirror?.remove();
  });

  /** Seven hosts in a full mesh, and one more that is upstream. */
  async function up(): Promise<void> {
    hosts = [];
    mirror = undefined;
    lan = await Lan.up(HOSTS + 1);
    mirror = await NginxHost.start(lan, HOSTS + 1, { files: mirrorFiles(unit), rate: UPSTREAM_RATE });
    hosts = await Promise.all(Array.from({ length: HOSTS }, (_, index) => start(index + 1)));
    await fullMesh(hosts, 10_000);
  }

  function start(number: number): Promise<AgentHost> {
    const keyring = join(dir, "gentoo-release.asc");
    return AgentHost.start(lan, number, { dist: project!.dir, networkKey, mirrors: [mirror!.url], keyring });
  }

  /** The three files as emerge-webrsync fetches them on that host, through the agent as a mirror. */
  async function sync(host: AgentHost): Promise<void> {
    for (const part of ORDER) {
      const name = fileName(DATE, part);
      const wget = lan.spawn(host.number, "wget", [...SYNC, "-O", join(host.dir, name), `${DOOR}/snapshots/${name}`]);
      const [code] = (await once(wget, "exit")) as [number];
      expect([host.number, part, code]).toEqual([host.number, part, 0]);
    }
  }

  async function expectArrived(host: AgentHost): Promise<void> {
    for (const part of ORDER) {
      const bytes = await readFile(join(host.dir, fileName(DATE, part)));
      expect([host.number, part, bytes.equals(unit.files[part])]).toEqual([host.number, part, true]);
    }
  }

  /** Each host keeps the unit, verified by itself, and knows of all the others that they have it. */
  async function expectKept(kept: readonly AgentHost[]): Promise<void> {
    for (const { client } of kept) {
      const snapshots = async () =>
        (await client.status()).snapshots.map(({ date, verified, peers }) => [date, verified, peers.length]);
      await expect.poll(snapshots, { timeout: 30_000 }).toEqual([[DATE, true, kept.length - 1]]);
    }
  }

  async function upstreamBytes(): Promise<number> {
    return (await mirror!.lines()).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async function tarballLines(): Promise<MirrorLine[]> {
    return (await mirror!.lines()).filter(({ path }) => path === `/snapshots/${fileName(DATE, "tarball")}`);
  }

  function bytesOfUnit(): number {
    return ORDER.reduce((sum, part) => sum + unit.files[part].length, 0);
  }

  it("seven hosts that sync at once, cold, cost one download, and each has a verified copy; so has one that comes later", async () => {
    await up();
    const began = performance.now();
    await Promise.all(hosts.map(sync));
    const seconds = (performance.now() - began) / 1000;
    await Promise.all(hosts.map(expectArrived));
    await expectKept(hosts);
    const ratio = (await upstreamBytes()) / bytesOfUnit();
    console.log(`seven cold syncs in ${seconds.toFixed(1)} s, upstream gave ${ratio.toFixed(4)} of the three files`);
    expect((await tarballLines()).map(({ status }) => status)).toEqual([200]);
    expect(ratio).toBeLessThanOrEqual(1.02);
    for (const host of hosts) await verifyByGpg(host);

    const before = await upstreamBytes();
    const late = await start(await lan.addHost());
    hosts.push(late);
    await expectKept(hosts);
    await sync(late);
    await expectArrived(late);
    expect(await upstreamBytes()).toBe(before);
  });

  it("when the power of the host that downloads fails, one other goes on from the byte reached", async () => {
    await up();
    const syncing = hosts.map((host) => sync(host).then(() => host));
    for (const one of syncing) one.catch(() => {}); // one of them fails
    const holder = await theOneThatDownloads();
    const others = hosts.filter((host) => host !== holder);
    await expect.poll(() => mostReceivedBy(others), { timeout: 10_000 }).toBeGreaterThan(0);
    const reached = await mostReceivedBy(others);
    await holder.end("SIGKILL");
    await Promise.all(syncing.filter((_, at) => hosts[at] !== holder));
    await Promise.all(others.map(expectArrived));
    await expectKept(others);
    const lines = await tarballLines();
    expect(lines.map(({ status }) => status)).toEqual([200, 206]);
    expect(lines[1]!.bytes).toBeLessThanOrEqual(unit.files.tarball.length - reached);
    const ratio = (await upstreamBytes()) / bytesOfUnit();
    console.log(`taken over from a dead host, upstream gave ${ratio.toFixed(4)} of the three files`);
  });

  /**
   * The host whose client is passed the tarball while it is downloaded. A
   * claim alone does not say that upstream was asked.
   */
  async function theOneThatDownloads(): Promise<AgentHost> {
    const arrived = ({ dir: of }: AgentHost): Promise<number> =>
      stat(join(of, fileName(DATE, "tarball"))).then(
        ({ size }) => size,
        () => 0,
      );
    const sizes = (): Promise<number[]> => Promise.all(hosts.map(arrived));
    await expect.poll(async () => (await sizes()).some((size) => size > 0), { timeout: 10_000 }).toBe(true);
    return hosts[(await sizes()).findIndex((size) => size > 0)]!;
  }

  /** Bytes of the tarball that one of these hosts has received by now, the most of any. */
  async function mostReceivedBy(some: readonly AgentHost[]): Promise<number> {
    const statuses = await Promise.all(some.map(({ client }) => client.status()));
    return Math.max(0, ...statuses.flatMap(({ transfers }) => transfers.map(({ received }) => received)));
  }

  async function verifyByGpg(host: AgentHost): Promise<void> {
    const home = join(host.dir, "gnupg");
    await mkdir(home, { mode: 0o700 });
    const gpg = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)("gpg", ["--homedir", home, "--batch", "--status-fd", "1", ...args])).stdout;
    await gpg("--import", join(dir, "gentoo-release.asc"));
    const paths = (["signature", "tarball"] as const).map((part) => join(host.dir, fileName(DATE, part)));
    expect(await gpg("--verify", ...paths)).toMatch(/GOODSIG .*<infrastructure@gentoo\.org>/);
    await promisify(execFile)("gpgconf", ["--homedir", home, "--kill", "all"]).catch(() => {});
  }
});
