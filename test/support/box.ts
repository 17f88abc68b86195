import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAgent, type Agent } from "../../src/agent.ts";
import type { Config } from "../../src/config.ts";
import { checkConfig } from "../../src/config/check.ts";
import type { RawConfig } from "../../src/config/file.ts";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import { freePort } from "./free-port.ts";
import { makeRepository, type TestFile } from "./repository.ts";

/** A box of a test: its directories, and an agent on them that can be stopped and started again. */
export interface Box {
  readonly dir: string;
  readonly repo: string;
  readonly distdir: string;
  readonly storeDir: string;
  readonly config: Config;
  /** The running agent. */
  agent: Agent;
  /** `http://127.0.0.1:<port>` of its doors. */
  url: string;
  /** Stops the agent and starts it again on the same directories; its port may change. */
  restart(): Promise<void>;
  /** Stops the agent and removes the directories. */
  close(): Promise<void>;
}

/** What a box is made with; it has no keyring by itself. */
export interface BoxOptions {
  /** Distfiles that its Manifests name. */
  readonly files?: readonly TestFile[];
  readonly mirrors?: readonly string[];
  /** On top of the test's defaults, in the shape of the config file. */
  readonly config?: RawConfig;
  readonly log?: Logger;
}

/** Makes a box in a temporary directory and starts its agent on a free port of loopback. */
export async function startBox(options: BoxOptions = {}): Promise<Box> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-box-"));
  const repo = join(dir, "repo");
  const distdir = join(dir, "distfiles");
  await mkdir(distdir);
  await makeRepository(repo, options.files ?? []);
  const config = checkConfig(boxConfig(dir, options, await freePort()), "test");
  const start = (): Promise<Agent> => startAgent(config, { log: options.log ?? silentLogger, notes: () => [] });
  const forget = (): Promise<void> => rm(dir, { recursive: true, force: true });
  const agent = await start().catch(async (error: unknown) => {
    await forget();
    throw error;
  });
  const box: Box = {
    dir,
    repo,
    distdir,
    storeDir: config.store.dir,
    config,
    agent,
    url: `http://${agent.listening[0]}`,
    restart: async () => {
      await box.agent.stop();
      box.agent = await start();
      box.url = `http://${box.agent.listening[0]}`;
    },
    close: async () => {
      await box.agent.stop();
      await forget();
    },
  };
  return box;
}

/** The config of a box below `dir`, in the shape of the config file. */
export function boxConfig(dir: string, options: BoxOptions, swarmPort: number): RawConfig {
  const base: RawConfig = {
    state_dir: join(dir, "state"),
    proxy: { listen: ["127.0.0.1:0"] },
    store: { dir: join(dir, "store"), min_free: "0B" },
    portage: { repos: [join(dir, "repo")], distdir: join(dir, "distfiles") },
    snapshot: { keyring: join(dir, "gentoo-release.asc") },
    swarm: { listen: `127.0.0.1:${swarmPort}`, networks: ["127.0.0.0/8"], multicast: false },
    upstream: { mirrors: [...(options.mirrors ?? [])], header_timeout: "2s", stall_timeout: "2s" },
  };
  const sections = Object.entries(options.config ?? {}).map(([key, value]) => [
    key,
    typeof value === "object" ? Object.assign({}, base[key], value) : value,
  ]);
  return { ...base, ...(Object.fromEntries(sections) as RawConfig) };
}
