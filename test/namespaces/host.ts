import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { SwarmStatus } from "../../src/swarm/swarm.ts";
import type { Lan } from "./lan.ts";

const DRIVER = join(import.meta.dirname, "driver.mjs");
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

interface Reply {
  readonly number?: number;
  readonly ready?: string;
  readonly result?: unknown;
  readonly error?: string;
}

/** An agent on a host of the LAN. */
export class Agent {
  readonly number: number;
  readonly stateDir: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #ready: Promise<void>;
  #log = "";
  #calls = 0;

  private constructor(number: number, stateDir: string, child: ChildProcessWithoutNullStreams) {
    this.number = number;
    this.stateDir = stateDir;
    this.#child = child;
    child.stderr.on("data", (text: Buffer) => (this.#log += text.toString()));
    this.#ready = new Promise((resolve, reject) => {
      child.once("exit", () => reject(new Error(`agent ${number} ended:\n${this.#log}`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const reply = JSON.parse(line) as Reply;
        if (reply.ready !== undefined) resolve();
        else this.#waiting.get(reply.number!)?.(reply);
      });
    });
  }

  /** Starts an agent; resolves at its ready line. */
  static async start(lan: Lan, number: number, options: AgentOptions): Promise<Agent> {
    const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), "distswarm-host-")));
    const settings = { port: PORT, host: `h${number}`, peers: [], multicast: true, ...options, stateDir };
    const child = lan.spawn(number, process.execPath, [DRIVER, JSON.stringify(settings)]);
    const agent = new Agent(number, stateDir, child);
    await agent.#ready;
    return agent;
  }

  /** What it logged so far. */
  get log(): string {
    return this.#log;
  }

  /** Asks it something. */
  async call<T>(call: string, ...args: unknown[]): Promise<T> {
    const number = (this.#calls += 1);
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(number, resolve));
    this.#child.stdin.write(`${JSON.stringify({ number, call, args })}\n`);
    const { result, error } = await reply;
    this.#waiting.delete(number);
    if (error !== undefined) throw new Error(error);
    return result as T;
  }

  /** Its status. */
  status(): Promise<SwarmStatus> {
    return this.call("status");
  }

  /** Stops it in the middle of what it does, as a box that falls asleep, or lets it go on. */
  sleep(asleep: boolean): void {
    this.#child.kill(asleep ? "SIGSTOP" : "SIGCONT");
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
  }

  /** Kills it, and forgets what it kept. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.stateDir, { recursive: true, force: true });
  }
}

/** Resolves when every agent is in session with all others: milliseconds since the call. */
export async function wholeMesh(agents: readonly Agent[], withinMs: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const counts = await Promise.all(agents.map(async (agent) => (await agent.status()).peers.length));
    const ms = performance.now() - began;
    if (counts.every((count) => count === agents.length - 1)) return ms;
    if (ms > withinMs) throw new Error(`no full mesh after ${Math.round(ms)} ms: ${counts.join(" ")}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
