import { execFile, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Network N (from 1) is 10.77.(17+N).0/24 on a bridge of its own; host K
 * (from 1) is at .(100+K) of each network it is on.
 */
const FIRST_SUBNET = 17;
const FIRST_HOST = 100;
/** The network that hosts are parted from the others to; nobody has addresses of it. */
const PARTED = 9;

/** Why tests with network namespaces cannot run here; undefined when they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.env["DISTSWARM_NS"] !== "1") return "network namespaces are used only with DISTSWARM_NS=1, as root";
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it takes root on Linux";
  return hasProgram("ip") ? undefined : "there is no program ip (iproute2)";
}

/** A LAN of some hosts on this machine. Names are those of one run, so that runs do not meet; `down` removes all. */
export class Lan {
  readonly #run = `ds${randomBytes(3).toString("hex")}`;
  readonly #children = new Set<ChildProcessWithoutNullStreams>();
  readonly #bridges = new Set<string>();
  readonly #cables = new Set<string>();
  #hosts = 0;

  /** Makes a LAN of `hosts` hosts, numbered from 1. */
  static async up(hosts: number): Promise<Lan> {
    const lan = new Lan();
    try {
      for (let number = 1; number <= hosts; number += 1) await lan.addHost();
    } catch (error) {
      await lan.down();
      throw error;
    }
    return lan;
  }

  /** Adds a host on the networks with these numbers; its own number is returned. */
  async addHost(networks: readonly number[] = [1]): Promise<number> {
    const number = (this.#hosts += 1);
    const space = this.#space(number);
    await ip("netns", "add", space);
    await ip("-n", space, "link", "set", "lo", "up");
    for (const [index, network] of networks.entries()) await this.#plugIn(number, `eth${index}`, network);
    await ip("-n", space, "route", "replace", "224.0.0.0/4", "dev", "eth0");
    return number;
  }

  /** The address that a host has at first. */
  address(number: number, network = 1): string {
    return `10.77.${FIRST_SUBNET + network}.${FIRST_HOST + number}`;
  }

  /** A way out of a host to all the world that leads nowhere; `packetsOut` counts what went there. */
  async addWayOut(number: number): Promise<void> {
    const space = this.#space(number);
    await ip("-n", space, "link", "add", "out", "type", "veth", "peer", "name", "nowhere");
    for (const end of ["out", "nowhere"]) {
      await ip("-n", space, "link", "set", end, "addrgenmode", "none", "up"); // no packets of the system's own
    }
    await ip("-n", space, "addr", "add", "203.0.113.2/24", "dev", "out");
    await ip("-n", space, "route", "add", "default", "dev", "out");
  }

  /** Packets that left for the world. */
  async packetsOut(number: number): Promise<number> {
    const args = ["netns", "exec", this.#space(number), "cat", "/sys/class/net/out/statistics/tx_packets"];
    return Number((await run("ip", args)).stdout);
  }

  /** Gives a host this address instead of any other. */
  async setAddress(number: number, address: string): Promise<void> {
    const space = this.#space(number);
    await ip("-n", space, "addr", "flush", "dev", "eth0");
    await ip("-n", space, "addr", "add", `${address}/24`, "dev", "eth0");
    await ip("-n", space, "route", "replace", "224.0.0.0/4", "dev", "eth0");
  }

  /**
   * Lets nothing leave a host from this TCP port, in silence, as a firewall there that drops what comes for it; its UDP port
   * stays open. A rule of the kernel's routing, for which iproute2 is enough.
   */
  async closePort(number: number, port: number): Promise<void> {
    await ip("-n", this.#space(number), "rule", "add", "ipproto", "tcp", "sport", `${port}`, "prohibit");
  }

  /** Pulls a host's cable: the carrier is lost. */
  async cut(number: number): Promise<void> {
    await ip("link", "set", this.#cable(number), "down");
  }

  /** Plugs it in again. */
  async heal(number: number): Promise<void> {
    await ip("link", "set", this.#cable(number), "up");
  }

  /** Lets nothing pass any more, in silence: the carrier stays. */
  async mute(number: number): Promise<void> {
    await ip("link", "set", this.#cable(number), "nomaster");
  }

  /** Lets things pass again. */
  async unmute(number: number): Promise<void> {
    await ip("link", "set", this.#cable(number), "master", await this.#bridge(1));
  }

  /**
   * Parts these hosts from the others, in silence: they are on a network of their own. The host `bridgehead` stays on both
   * sides, with one address and one MAC, so that nobody has to look for it.
   */
  async part(numbers: readonly number[], bridgehead: number): Promise<void> {
    const space = this.#space(bridgehead);
    const mac = (await run("ip", ["-n", space, "-j", "link", "show", "eth0"])).stdout;
    const [{ address }] = JSON.parse(mac) as [{ address: string }];
    const cable = this.#cable(bridgehead, PARTED);
    this.#cables.add(cable);
    await ip("link", "add", cable, "type", "veth", "peer", "name", "eth1", "address", address, "netns", space);
    await ip("link", "set", cable, "master", await this.#bridge(PARTED), "up");
    await ip("-n", space, "link", "set", "eth1", "up");
    for (const number of numbers) {
      await ip("-n", space, "route", "add", `${this.address(number)}/32`, "dev", "eth1");
      await ip("link", "set", this.#cable(number), "master", await this.#bridge(PARTED));
    }
  }

  /** Brings parted hosts together again. */
  async rejoin(numbers: readonly number[], bridgehead: number): Promise<void> {
    await ip("link", "del", this.#cable(bridgehead, PARTED)); // its routes go with it
    for (const number of numbers) await this.unmute(number);
  }

  /** Runs a program on a host. */
  spawn(number: number, program: string, args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn("ip", ["netns", "exec", this.#space(number), program, ...args]);
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** Ends all programs that were started here, and removes the LAN. */
  async down(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const cable of this.#cables) await ip("link", "del", cable).catch(() => {});
    for (let number = 1; number <= this.#hosts; number += 1)
      await ip("netns", "del", this.#space(number)).catch(() => {});
    for (const bridge of this.#bridges) await ip("link", "del", bridge).catch(() => {});
  }

  async #plugIn(number: number, device: string, network: number): Promise<void> {
    const space = this.#space(number);
    const cable = this.#cable(number, network);
    this.#cables.add(cable);
    await ip("link", "add", cable, "type", "veth", "peer", "name", device, "netns", space);
    await ip("link", "set", cable, "master", await this.#bridge(network), "up");
    await ip("-n", space, "link", "set", device, "up");
    await ip("-n", space, "addr", "add", `${this.address(number, network)}/24`, "dev", device);
  }

  async #bridge(network: number): Promise<string> {
    const bridge = `${this.#run}b${network}`;
    if (this.#bridges.has(bridge)) return bridge;
    this.#bridges.add(bridge);
    await ip("link", "add", bridge, "type", "bridge", "mcast_snooping", "0");
    await ip("link", "set", bridge, "up");
    return bridge;
  }

  #space(number: number): string {
    return `${this.#run}h${number}`;
  }

  #cable(number: number, network = 1): string {
    return `${this.#run}v${number}n${network}`;
  }
}

async function ip(...args: string[]): Promise<void> {
  await run("ip", args);
}

function hasProgram(name: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((dir) => {
    try {
      accessSync(`${dir}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
