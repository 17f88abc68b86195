import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { ControlClient } from "../../src/control/client.ts";
import type { Status } from "../../src/core/agent-api.ts";
import { makeRepository, type TestFile } from "../support/repository.ts";
import type { Lan } from "./lan.ts";

const ASK = join(import.meta.dirname, "ask.mjs");
/** Nobody listens there: who asks it makes a mistake, or has nobody else to ask. */
const DEAD_MIRROR = "http://127.0.0.1:1";

/** What a box is started with. */
export interface BoxOptions {
  /** What the project was compiled to. */
  readonly dist: string;
  /** Put in place before the start; without one, the agent makes its own. */
  readonly networkKey?: string;
  /** Distfiles that its Manifests name. */
  readonly files: readonly TestFile[];
  /** Those of them that lie in its DISTDIR. */
  readonly has?: readonly TestFile[];
  /** Lines of `[swarm]`. */
  readonly swarm?: string;
}

/** What a door answered. */
export interface Answer {
  readonly status: number;
  /** BLAKE2b of the body. */
  readonly digest: string;
}

/** The whole agent on a host of the LAN, as people run it. */
export class AgentBox {
  readonly client: ControlClient;
  readonly #lan: Lan;
  readonly #number: number;
  readonly #dir: string;
  readonly #child: ChildProcessWithoutNullStreams;

  private constructor(lan: Lan, number: number, dir: string, child: ChildProcessWithoutNullStreams) {
    this.#lan = lan;
    this.#number = number;
    this.#dir = dir;
    this.#child = child;
    this.client = new ControlClient({ dir: join(dir, "state") });
  }

  /** Makes a box and starts its agent; resolves at its ready line. */
  static async start(lan: Lan, number: number, options: BoxOptions): Promise<AgentBox> {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-box-"));
    await makeRepository(join(dir, "repo"), options.files);
    await mkdir(join(dir, "distfiles"));
    for (const { name, bytes } of options.has ?? []) await writeFile(join(dir, "distfiles", name), bytes);
    await mkdir(join(dir, "state"));
    const { networkKey } = options;
    if (networkKey !== undefined) await writeFile(join(dir, "state/network.key"), networkKey, { mode: 0o600 });
    const config = join(dir, "distswarm.toml");
    await writeFile(config, configOf(dir, options.swarm));
    const child = lan.spawn(number, process.execPath, [join(options.dist, "main.js"), "agent", "--config", config]);
    await ready(child);
    return new AgentBox(lan, number, dir, child);
  }

  status(): Promise<Status> {
    return this.client.status();
  }

  /** Asks the box's own mirror door for files by their digests, one after another, as Portage does. */
  async ask(files: readonly TestFile[]): Promise<Answer[]> {
    const child = this.#lan.spawn(this.#number, process.execPath, [ASK]);
    child.stdin.end(files.map(({ digest }) => digest).join("\n"));
    return JSON.parse(await text(child.stdout)) as Answer[];
  }

  /** Ends the agent without a word to anybody. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  /** Ends the agent, and removes what it kept. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** Resolves when every box is in session with all others: milliseconds since the call. */
export async function fullMesh(boxes: readonly AgentBox[], withinMs: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const counts = await Promise.all(boxes.map(async (box) => (await box.status()).swarm.peers.length));
    const ms = performance.now() - began;
    if (counts.every((count) => count === boxes.length - 1)) return ms;
    if (ms > withinMs) throw new Error(`no full mesh after ${Math.round(ms)} ms: ${counts.join(" ")}`);
    await setTimeout(25);
  }
}

/** Where things are, and nothing else but what a test asks for: the swarm has its defaults. */
function configOf(dir: string, swarm = ""): string {
  return `state_dir = "${dir}/state"
[store]
dir = "${dir}/store"
min_free = "0B"
[portage]
repos = ["${dir}/repo"]
distdir = "${dir}/distfiles"
[upstream]
mirrors = ["${DEAD_MIRROR}"]
[swarm]
${swarm}
`;
}

async function ready(child: ChildProcessWithoutNullStreams): Promise<void> {
  const log: string[] = [];
  child.stderr.on("data", (bytes: Buffer) => log.push(bytes.toString()));
  for await (const line of createInterface({ input: child.stdout })) {
    log.push(line);
    if (!line.includes("ready: ")) continue;
    child.stdout.resume();
    return;
  }
  throw new Error(`the agent ended before it was ready:\n${log.join("\n")}`);
}
