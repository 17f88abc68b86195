import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { ControlClient } from "../../src/control/client.ts";
import { buildForAll } from "../support/build.ts";
import { named } from "../support/skipped.ts";

const built = buildForAll();

function start(args: readonly string[], env = process.env): ChildProcess {
  const program = [join(built.dir, "main.js"), ...args];
  const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "pipe"], env });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

test("the exit code of the process is that of the command", async () => {
  const child = start(["no-such-command"]);
  const [err, [code]] = await Promise.all([text(child.stderr!), once(child, "close")]);
  expect([code, err]).toEqual([2, "distswarm: unknown command 'no-such-command'; distswarm --help lists them\n"]);
});

test.each(["--help", "agent --help", "agent --check"])(
  "a reader that closes the pipe early makes no noise and no failure: %s",
  async (line) => {
    const child = start(line.split(" "));
    child.stdout!.destroy();
    const [err, [code]] = await Promise.all([text(child.stderr!), once(child, "close")]);
    expect([code, err.replace(/^distswarm: warning: .*\n/gm, "")]).toEqual([0, ""]);
  },
);

/** A device on which there is never room (full(4)). */
const FULL = "/dev/full";
const needsFull = existsSync(FULL) ? undefined : `needs ${FULL}`;

/** The program with its output on a disk that is full. */
function startOnFullDisk(args: readonly string[]): ChildProcess {
  const full = openSync(FULL, "w");
  const child = spawn(process.execPath, [join(built.dir, "main.js"), ...args], { stdio: ["ignore", full, "pipe"] });
  closeSync(full);
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

test.skipIf(needsFull !== undefined)(
  named("output that finds no room is a failure, in one line", needsFull),
  async () => {
    const child = startOnFullDisk(["--help"]);
    const [err, [code]] = await Promise.all([text(child.stderr!), once(child, "close")]);
    expect(code).toBe(1);
    expect(err).toMatch(/^distswarm: not all of the output could be written: ENOSPC: .*\n$/);
  },
);

test.skipIf(needsFull !== undefined)(
  named("an agent whose log finds no room goes on without it", needsFull),
  async () => {
    const agent = startOnFullDisk(["agent", "--config", await configFor("unlogged")]);
    const client = new ControlClient({ dir: join(built.dir, "unlogged", "state") });
    await vi.waitFor(() => client.status(), 10_000);
    agent.kill("SIGTERM");
    expect([await once(agent, "exit"), await text(agent.stderr!)]).toEqual([[0, null], ""]);
  },
);

test("who closes the pipe of what went wrong is told by the exit code", async () => {
  const child = start(["agent", "--check", "--config", "/missing.toml"]);
  child.stderr!.destroy();
  expect(await once(child, "close")).toEqual([2, null]);
});

/** The config file of an agent with directories of its own. */
async function configFor(name: string): Promise<string> {
  const config = join(built.dir, `${name}.toml`);
  await writeFile(
    config,
    `state_dir = "${join(built.dir, name, "state")}"
     proxy.listen = ["127.0.0.1:0"]
     store = { dir = "${join(built.dir, name, "store")}", max_size = "1MiB", min_free = "0B" }
     portage = { repos = [], distdir = "" }
     upstream.mirrors = []
     swarm = { listen = "127.0.0.1:0", multicast = false }`,
  );
  return config;
}

/** Starts an agent of its own directories, with its config file; resolves when it serves, with its first lines. */
async function startAgent(
  name: string,
  env?: NodeJS.ProcessEnv,
): Promise<{ agent: ChildProcess; config: string; lines: string[] }> {
  const config = await configFor(name);
  const agent = start(["agent", "--config", config], env);
  const lines: string[] = [];
  for await (const line of createInterface({ input: agent.stdout! })) {
    lines.push(line);
    if (line.includes("ready")) break;
  }
  return { agent, config, lines };
}

test("an agent runs, answers `status`, and stops at SIGTERM with exit code 0", async () => {
  const { agent, config, lines } = await startAgent("agent");
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+Z info {2}config file: .*agent\.toml$/);

  const status = start(["status", "--json", "--config", config]);
  const [out, [code]] = await Promise.all([text(status.stdout!), once(status, "close")]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ store: { blobs: 0, max_bytes: 2 ** 20 } });

  agent.kill("SIGTERM");
  expect(await once(agent, "exit")).toEqual([0, null]);
});

test("an agent that is still starting stops at SIGTERM, too", async () => {
  const dir = join(built.dir, "slow-manager");
  await mkdir(dir);
  const neverReady = 'trap "" TERM; test "$1" = STOPPING=1 || while kill -0 $PPID; do sleep 0.1; done';
  await writeFile(join(dir, "systemd-notify"), `#!/bin/sh\n${neverReady}\n`, { mode: 0o755 });
  const { agent } = await startAgent("starting", {
    ...process.env,
    PATH: `${dir}${delimiter}${process.env["PATH"]}`,
    NOTIFY_SOCKET: "/run/notify",
  });
  agent.kill("SIGTERM");
  expect(await once(agent, "exit")).toEqual([1, null]);
});

test("an agent whose log nobody reads any more ends with a failure, so that it is started anew", async () => {
  const { agent } = await startAgent("unread");
  agent.stdout!.destroy();
  agent.kill("SIGHUP"); // it says what came of that
  expect(await once(agent, "exit")).toEqual([1, null]);
});
