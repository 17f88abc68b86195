import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ControlClient } from "../../src/control/client.ts";
import { NetworkKey, saveNetworkKey } from "../../src/swarm/network-key.ts";
import type { Lan } from "./lan.ts";

/** The door of each host, on its own loopback. */
export const DOOR = "http://127.0.0.1:8480";

/** What an agent is started with. */
export interface AgentHostOptions {
  /** Where the compiled `main.js` lies. */
  readonly dist: string;
  readonly networkKey: string;
  /** URL of its only mirror. */
  readonly mirror: string;
  /** The keys that snapshots are held against. */
  readonly keyring: string;
}

/** A host of the LAN with the agent as people run it, all defaults but its directories and its mirror. */
export class AgentHost {
  readonly number: number;
  readonly dir: string;
  readonly client: ControlClient;
  /** What it logged so far, one line each. */
  readonly log: string[] = [];
  readonly #child: ChildProcessWithoutNullStreams;

  private constructor(number: number, dir: string, child: ChildProcessWithoutNullStreams) {
    this.number = number;
    this.dir = dir;
    this.client = new ControlClient({ dir: join(dir, "state") });
    this.#child = child;
  }

  /** Starts an agent; resolves at its ready line. */
  static async start(lan: Lan, number: number, options: AgentHostOptions): Promise<AgentHost> {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-host-"));
    await mkdir(join(dir, "state"));
    await saveNetworkKey(join(dir, "state"), NetworkKey.parse(options.networkKey));
    const config = join(dir, "distswarm.toml");
    await writeFile(config, configOf(dir, options));
    const child = lan.spawn(number, process.execPath, [join(options.dist, "main.js"), "agent", "--config", config]);
    const host = new AgentHost(number, dir, child);
    await host.#ready();
    return host;
  }

  /** Ends it as the service manager does, or as a power cut does. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }

  /** Ends it, and forgets what it kept. */
  async remove(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.dir, { recursive: true, force: true });
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          this.log.push(line);
          if (line.includes("ready: ")) resolve();
        });
      }
      this.#child.once("exit", () => reject(new Error(`agent ${this.number} ended:\n${this.log.join("\n")}`)));
    });
  }
}

function configOf(dir: string, { mirror, keyring }: AgentHostOptions): string {
  return `state_dir = "${dir}/state"
[proxy]
listen = ["127.0.0.1:8480"]
[store]
dir = "${dir}/store"
min_free = "0B"
[portage]
repos = []
distdir = ""
[snapshot]
keyring = "${keyring}"
[upstream]
mirrors = ["${mirror}"]
`;
}
