import { execFile, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Hosts are at 10.77.18.101 and up, on one bridge, in network namespaces of one test run. */
const SUBNET = "10.77.18";
const FIRST_HOST = 100;

/** Why tests with network namespaces cannot run here; undefined when they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.env["DISTSWARM_NS"] !== "1") return "DISTSWARM_NS=1 is not set";
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it takes root on Linux";
  return hasProgram("ip") ? undefined : "there is no program ip (iproute2)";
}

/** A LAN of some hosts on this machine. Names are those of one run, so that runs do not meet; `down` removes all. */
export class Lan {
  readonly #run = `ds${randomBytes(3).toString("hex")}`;
  readonly #children = new Set<ChildProcessWithoutNullStreams>();
  #hosts = 0;

  /** Makes a LAN of `hosts` hosts, numbered from 1. */
  static async up(hosts: number): Promise<Lan> {
    const lan = new Lan();
    try {
      await ip("link", "add", lan.#bridge, "type", "bridge", "mcast_snooping", "0");
      await ip("link", "set", lan.#bridge, "up");
      for (let number = 1; number <= hosts; number += 1) await lan.addHost();
    } catch (error) {
      await lan.down();
      throw error;
    }
    return lan;
  }

  get #bridge(): string {
    return `${this.#run}b`;
  }

  /** Adds a host; its number is returned. */
  async addHost(): Promise<number> {
    const number = (this.#hosts += 1);
    const space = this.#space(number);
    await ip("netns", "add", space);
    await ip("link", "add", this.#cable(number), "type", "veth", "peer", "name", "eth0", "netns", space);
    await ip("link", "set", this.#cable(number), "master", this.#bridge, "up");
    await ip("-n", space, "link", "set", "lo", "up");
    await ip("-n", space, "link", "set", "eth0", "up");
    await this.setAddress(number, this.address(number));
    return number;
  }

  /** The address that a host has at first. */
  address(number: number): string {
    return `${SUBNET}.${FIRST_HOST + number}`;
  }

  /** Gives a host this address instead of any other. */
  async setAddress(number: number, address: string): Promise<void> {
    const space = this.#space(number);
    await ip("-n", space, "addr", "flush", "dev", "eth0");
    await ip("-n", space, "addr", "add", `${address}/24`, "dev", "eth0");
    await ip("-n", space, "route", "replace", "224.0.0.0/4", "dev", "eth0");
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
    await ip("link", "set", this.#cable(number), "master", this.#bridge);
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
    for (let number = 1; number <= this.#hosts; number += 1)
      await ip("netns", "del", this.#space(number)).catch(() => {});
    await ip("link", "del", this.#bridge).catch(() => {});
  }

  #space(number: number): string {
    return `${this.#run}h${number}`;
  }

  #cable(number: number): string {
    return `${this.#run}v${number}`;
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
