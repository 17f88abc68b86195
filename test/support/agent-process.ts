import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ControlClient } from "../../src/control/client.ts";
import { freePort } from "./free-port.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** An agent in a process of its own, as people run it: what `npm run build` made. */
export interface AgentProcess {
  readonly pid: number;
  /** `http://127.0.0.1:<port>` of its doors. */
  readonly url: string;
  readonly client: ControlClient;
  /** Its log so far, one line each. */
  readonly log: readonly string[];
  /** Sends a signal and resolves with the exit code (null after SIGKILL) when the process is gone. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

/** Where an agent process keeps its config and state. */
interface AgentPlace {
  readonly dir: string;
  /** The config file's text; `state_dir` is added, and a `[swarm]` that keeps to itself where it has none. */
  readonly config: string;
  /** The program. @default what `npm run build` made, where it lies */
  readonly main?: string;
  /** What a shell is told before it becomes the agent, as `ulimit -n 60`. @default nothing */
  readonly limits?: string;
  /** The directory in which it is started, and from where its config is named. @default this one, and its whole path */
  readonly cwd?: string;
}

/** The config of an agent with its repository and store below `dir`, and one mirror; `store`: more lines of that section. */
export function agentConfig(dir: string, mirror: string, store = ""): string {
  return `
    [proxy]
    listen = ["127.0.0.1:0"]
    [store]
    dir = "${dir}/store"
    min_free = "0B"
    ${store}
    [portage]
    repos = ["${dir}/repo"]
    distdir = ""
    [upstream]
    mirrors = ["${mirror}"]`;
}

/** Starts an agent and waits for its ready line. Throws with its log when it ends before. */
export async function startAgentProcess(place: AgentPlace): Promise<AgentProcess> {
  const stateDir = join(place.dir, "state");
  const configFile = join(place.dir, "distswarm.toml");
  const swarm = /^\s*(\[swarm\]|swarm =)/m.test(place.config) ? "" : await swarmSection();
  await writeFile(configFile, `state_dir = ${JSON.stringify(stateDir)}\n${place.config}${swarm}`);
  const named = place.cwd === undefined ? configFile : relative(place.cwd, configFile);
  const program = [place.main ?? MAIN, "agent", "--config", named];
  const shell = ["-c", `${place.limits ?? ":"}; exec "$0" "$@"`, process.execPath, ...program];
  const child = spawn("/bin/sh", shell, { stdio: ["ignore", "pipe", "pipe"], cwd: place.cwd });
  const log: string[] = [];
  const url = await readyUrl(child, log);
  return {
    pid: child.pid!,
    url,
    log,
    client: new ControlClient({ dir: stateDir }),
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}

/** A swarm that keeps to itself. */
async function swarmSection(): Promise<string> {
  return `\n[swarm]\nlisten = "127.0.0.1:${await freePort()}"\nnetworks = ["127.0.0.0/8"]\nmulticast = false\n`;
}

function readyUrl(child: ChildProcess, log: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on("line", (line) => {
        log.push(line);
        const [, url] = /ready: .* (http:\/\/\S+)/.exec(line) ?? [];
        if (url !== undefined) resolve(url);
      });
    }
    child.once("exit", (code) =>
      reject(new Error(`the agent ended with ${code} before it was ready:\n${log.join("\n")}`)),
    );
  });
}
