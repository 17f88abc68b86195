import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SwarmReport } from "../../src/swarm/swarm-report.ts";
import type { Lan } from "./lan.ts";
import { Program } from "./program.ts";

export const PORT = 8481;

/** What an agent is started with. */
export interface AgentOptions {
  readonly dist: string;
  readonly networkKey: string;
  readonly peers?: readonly { host: string; port: number }[];
  readonly multicast?: boolean;
  /** The directory of an earlier run. */
  readonly stateDir?: string;
}

/** The swarm and the data plane of an agent on a host of the LAN, over blobs in memory. */
export class Agent {
  readonly number: number;
  readonly stateDir: string;
  readonly #program: Program;

  private constructor(number: number, stateDir: string, program: Program) {
    this.number = number;
    this.stateDir = stateDir;
    this.#program = program;
  }

  /** Starts an agent; resolves at its ready line. */
  static async start(lan: Lan, number: number, options: AgentOptions): Promise<Agent> {
    const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), "distswarm-host-")));
    const settings = { port: PORT, host: `h${number}`, peers: [], multicast: true, ...options, stateDir };
    return new Agent(number, stateDir, await Program.start(lan, number, "driver.mjs", settings));
  }

  /** What it logged so far. */
  get log(): string {
    return this.#program.log;
  }

  /** Asks it something. */
  call<T>(call: string, ...args: readonly unknown[]): Promise<T> {
    return this.#program.call<T>(call, ...args);
  }

  /** Its status. */
  status(): Promise<SwarmReport> {
    return this.call("status");
  }

  /** How many others it is in session with. */
  async peers(): Promise<number> {
    return (await this.status()).peers.length;
  }

  /** See {@link Program.sleep}. */
  sleep(asleep: boolean): void {
    this.#program.sleep(asleep);
  }

  /** Ends it in order. */
  stop(): Promise<void> {
    return this.#program.stop();
  }

  /** Ends it, and forgets what it kept. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.stateDir, { recursive: true, force: true });
  }
}
