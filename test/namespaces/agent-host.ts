import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ControlClient } from "../../src/control/client.ts";
import type { Status } from "../../src/core/report/status.ts";
import { makeRepository, type TestFile } from "../support/repository.ts";
import type { Lan } from "./lan.ts";
import { Program } from "./program.ts";

/** The door of each host, on its own loopback. */
export const DOOR = "http://127.0.0.1:8480";
/** Nobody listens there: who asks it makes a mistake, or has nobody else to ask. */
const DEAD_MIRROR = "http://127.0.0.1:1";

/** What an agent is started with. */
export interface AgentHostOptions {
  /** Where the compiled `main.js` lies. */
  readonly dist: string;
  /** Put in place before the start; without one, the agent makes its own. */
  readonly networkKey?: string;
  /** Its mirrors. @default one that never answers */
  readonly mirrors?: readonly string[];
  /** Distfiles that its Manifests name. */
  readonly files?: readonly TestFile[];
  /** Those of them that lie in its DISTDIR. */
  readonly has?: readonly TestFile[];
  /** The keys that snapshots are held against. */
  readonly keyring?: string;
  /** Lines of `[swarm]`. */
  readonly swarm?: string;
}

/** What a door answered. */
export interface Answer {
  readonly status: number;
  /** BLAKE2b of the body. */
  readonly digest: string;
}

/** A host of the LAN with the agent as people run it, all defaults but its directories and its mirrors. */
export class AgentHost {
  readonly number: number;
  readonly dir: string;
  readonly client: ControlClient;
  /** What it logged so far, one line each. */
  readonly log: string[] = [];
  readonly #lan: Lan;
  readonly #main: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #asker: Promise<Program> | undefined;

  private constructor(lan: Lan, number: number, dir: string, main: string) {
    this.#lan = lan;
    this.number = number;
    this.dir = dir;
    this.#main = main;
    this.client = new ControlClient({ dir: join(dir, "state") });
  }

  /** Makes a host's directories and starts its agent; resolves at its ready line. */
  static async start(lan: Lan, number: number, options: AgentHostOptions): Promise<AgentHost> {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-host-"));
    await makeRepository(join(dir, "repo"), options.files ?? []);
    await mkdir(join(dir, "distfiles"));
    for (const { name, bytes } of options.has ?? []) await writeFile(join(dir, "distfiles", name), bytes);
    await mkdir(join(dir, "state"));
    const { networkKey } = options;
    if (networkKey !== undefined) await writeFile(join(dir, "state/network.key"), networkKey, { mode: 0o600 });
    await writeFile(join(dir, "distswarm.toml"), configOf(dir, options));
    const host = new AgentHost(lan, number, dir, join(options.dist, "main.js"));
    await host.run();
    return host;
  }

  /** Starts its agent, again after it ended; resolves at its ready line. */
  async run(): Promise<void> {
    const args = [this.#main, "agent", "--config", join(this.dir, "distswarm.toml")];
    const child = this.#lan.spawn(this.number, process.execPath, args);
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          this.log.push(line);
          if (line.includes("ready: ")) resolve();
        });
      }
      child.once("exit", () => reject(new Error(`agent ${this.number} ended:\n${this.log.join("\n")}`)));
    });
  }

  status(): Promise<Status> {
    return this.client.status();
  }

  /** How many others it is in session with. */
  async peers(): Promise<number> {
    return (await this.status()).swarm.peers.length;
  }

  /**
   * Asks the host's own mirror door for files by their digests, one after
   * another, as Portage does. Throws when one breaks.
   */
  async ask(files: readonly TestFile[]): Promise<Answer[]> {
    this.#asker ??= Program.start(this.#lan, this.number, "ask.mjs");
    const asker = await this.#asker;
    const answers: Answer[] = [];
    for (const { digest } of files) answers.push(await asker.call<Answer>("ask", digest));
    return answers;
  }

  /** What `distswarm doctor` prints on this host. */
  async doctor(): Promise<string> {
    const args = [this.#main, "doctor", "--config", join(this.dir, "distswarm.toml")];
    const child = this.#lan.spawn(this.number, process.execPath, args);
    let printed = "";
    child.stdout.on("data", (text: Buffer) => (printed += text.toString()));
    await once(child, "close");
    return printed;
  }

  /** Stops the agent in the middle of what it does, as a box that falls asleep, or lets it go on. */
  sleep(asleep: boolean): void {
    this.#child?.kill(asleep ? "SIGSTOP" : "SIGCONT");
  }

  /** Ends the agent as the service manager does, or as a power cut does. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    this.sleep(false); // who sleeps hears nothing
    await exited;
  }

  /** Ends the agent, and forgets what it kept. */
  async remove(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.dir, { recursive: true, force: true });
  }
}

function configOf(dir: string, { mirrors = [DEAD_MIRROR], keyring, swarm = "" }: AgentHostOptions): string {
  return `state_dir = "${dir}/state"
[store]
dir = "${dir}/store"
min_free = "0B"
[portage]
repos = ["${dir}/repo"]
distdir = "${dir}/distfiles"
[upstream]
mirrors = ${JSON.stringify(mirrors)}
${keyring === undefined ? "" : `[snapshot]\nkeyring = "${keyring}"`}
[swarm]
${swarm}
`;
}
