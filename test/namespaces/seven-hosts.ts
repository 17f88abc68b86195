import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { digestOf, isDigest } from "../../src/core/digest.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import type { TestFile } from "../support/repository.ts";
import { AgentHost } from "./agent-host.ts";
import { fullMesh } from "./full-mesh.ts";
import { Lan } from "./lan.ts";
import { PacedMirror } from "./paced-mirror.ts";

const HOSTS = 7;
const MIRROR_PORTS = [8080, 8081];
const MESH_WITHIN_MS = 30_000;

/** What seven hosts are made with. */
interface SevenHostsOptions {
  /** What the project was compiled to. */
  readonly dist: string;
  /** Distfiles that the Manifests of all name, and that both mirrors have. */
  readonly files: readonly TestFile[];
  /** Bytes a second of each mirror. */
  readonly rate: number;
}

/** Seven hosts with nothing but the network key, all in session, and one with two mirrors that they ask in this order. */
export class SevenHosts {
  readonly lan: Lan;
  readonly hosts: AgentHost[] = [];
  readonly mirrors: PacedMirror[] = [];
  /** The number of the host with the mirrors. */
  readonly upstream = HOSTS + 1;
  readonly #options: SevenHostsOptions;
  readonly #hermits: AgentHost[] = [];

  private constructor(lan: Lan, options: SevenHostsOptions) {
    this.lan = lan;
    this.#options = options;
  }

  static async up(options: SevenHostsOptions): Promise<SevenHosts> {
    const seven = new SevenHosts(await Lan.up(HOSTS + 1), options);
    try {
      await seven.#start();
    } catch (error) {
      await seven.down();
      throw error;
    }
    return seven;
  }

  /** A host with a network of its own: what it gets, each of the seven would have got alone. */
  async hermit(): Promise<AgentHost> {
    const host = await this.#host(await this.lan.addHost());
    this.#hermits.push(host);
    return host;
  }

  /** Resolves when all are in session with all others. */
  async mesh(): Promise<void> {
    await fullMesh(this.hosts, MESH_WITHIN_MS);
  }

  /** Resolves when all know of all others what these hold: they have found each other again, and said what is new. */
  async inStep(): Promise<void> {
    const unknown = async (): Promise<number> => {
      const all = await Promise.all(this.hosts.map((host) => host.status()));
      const held = new Map(all.map(({ id, store }) => [id, store.blobs]));
      return sum(
        all.map(({ swarm }) => HOSTS - 1 - swarm.peers.filter((peer) => peer.distfiles === held.get(peer.id)).length),
      );
    };
    await expect.poll(unknown, { timeout: MESH_WITHIN_MS }).toBe(0);
  }

  /** Bytes of a file that left upstream for each of these hosts. */
  async sentTo(hosts: readonly AgentHost[], file: TestFile): Promise<number[]> {
    const counts = await Promise.all(this.mirrors.map((mirror) => mirror.sentTo(file)));
    const to = ({ number }: AgentHost): number =>
      counts.reduce((sum, bytes) => sum + (bytes.get(this.lan.address(number)) ?? 0), 0);
    return hosts.map(to);
  }

  /** Bytes of these files that left upstream. */
  async sent(...files: readonly TestFile[]): Promise<number> {
    return sum(await Promise.all(this.mirrors.map((mirror) => mirror.sent(...files))));
  }

  /** The host that upstream sends a file to, as soon as it was sent this share of it. */
  async winner(file: TestFile, share: number): Promise<AgentHost> {
    const most = async (): Promise<number> => Math.max(...(await this.sentTo(this.hosts, file)));
    await expect.poll(most, { interval: 10 }).toBeGreaterThanOrEqual(share * file.bytes.length);
    const counts = await this.sentTo(this.hosts, file);
    return this.hosts[counts.indexOf(Math.max(...counts))]!;
  }

  /** The names of the blobs in each host's store; throws when one of them has other bytes. */
  async stored(): Promise<string[][]> {
    return Promise.all(this.hosts.map(({ dir }) => rightBlobs(join(dir, "store", "blobs"))));
  }

  /** Ends all, and removes what they kept. */
  async down(): Promise<void> {
    await Promise.all([...this.hosts, ...this.#hermits].map((host) => host.remove()));
    await this.lan.down();
  }

  async #start(): Promise<void> {
    const { files, rate } = this.#options;
    for (const port of MIRROR_PORTS) {
      this.mirrors.push(await PacedMirror.start(this.lan, this.upstream, { port, files, rate }));
    }
    const networkKey = NetworkKey.generate().reveal();
    const numbers = Array.from({ length: HOSTS }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => this.#host(number, networkKey).then((host) => this.hosts.push(host))));
    await this.mesh();
  }

  #host(number: number, networkKey?: string): Promise<AgentHost> {
    const { dist, files } = this.#options;
    const mirrors = this.mirrors.map(({ url }) => url);
    return AgentHost.start(this.lan, number, { dist, files, mirrors, ...(networkKey !== undefined && { networkKey }) });
  }
}

async function rightBlobs(dir: string): Promise<string[]> {
  const digests: string[] = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !isDigest(entry.name)) continue;
    const digest = digestOf(await readFile(join(entry.path, entry.name)));
    if (digest !== entry.name) throw new Error(`${entry.path}/${entry.name} has other bytes`);
    digests.push(digest);
  }
  return digests;
}

/** Bytes of a file that a host has got so far; 0 when it is not getting it. */
export async function receivedBy(host: AgentHost, { digest }: TestFile): Promise<number> {
  return (await host.status()).transfers.find((transfer) => transfer.digest === digest)?.received ?? 0;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
