import { chmod, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { ServiceManager, watchdogInterval } from "../../src/cli/service-manager.ts";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import { tempDir } from "../support/temp-dir.ts";

/** An environment in which `systemd-notify` writes down what it was told, or fails with a word. */
async function systemd(script: string): Promise<{ env: NodeJS.ProcessEnv; heard: () => Promise<string[]> }> {
  const dir = await tempDir();
  const heard = join(dir, "heard");
  await writeFile(heard, "");
  await writeFile(join(dir, "systemd-notify"), `#!/bin/sh\n${script}\n`);
  await chmod(join(dir, "systemd-notify"), 0o755);
  const env = { PATH: `${dir}${delimiter}${process.env["PATH"]}`, HEARD: heard, NOTIFY_SOCKET: "/run/notify" };
  return { env, heard: async () => (await readFile(heard, "utf8")).split("\n").filter(Boolean) };
}

const WRITE_DOWN = 'printf "%s|" "$@" >>"$HEARD"; echo >>"$HEARD"';

test("tells each state with a line for people", async () => {
  const { env, heard } = await systemd(WRITE_DOWN);
  const manager = new ServiceManager({ log: silentLogger, env });
  await manager.ready("serving at 127.0.0.1:8480");
  await manager.reloading();
  await manager.stopping();
  expect(await heard()).toEqual([
    "READY=1|STATUS=serving at 127.0.0.1:8480|",
    "RELOADING=1|STATUS=reading the config again|",
    "STOPPING=1|STATUS=stopping|",
  ]);
});

test("gives signs of life from the moment it is ready until it stops", async () => {
  const { env, heard } = await systemd(WRITE_DOWN);
  const manager = new ServiceManager({ log: silentLogger, env: { ...env, WATCHDOG_USEC: "40000" } });
  await manager.ready("serving");
  await expect.poll(heard).toContain("WATCHDOG=1|");
  await manager.stopping();
});

test("without a service manager that listens it says nothing", async () => {
  const { env, heard } = await systemd(WRITE_DOWN);
  const { NOTIFY_SOCKET: _, ...deaf } = env as Record<string, string>;
  await new ServiceManager({ log: silentLogger, env: deaf }).ready("serving");
  expect(await heard()).toEqual([]);
});

test("a message that cannot be sent is a warning that says why", async () => {
  const { env } = await systemd("echo 'Failed to notify init system' >&2; exit 1");
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (line: string) => warnings.push(line) } as unknown as Logger;
  await new ServiceManager({ log, env }).ready("serving");
  expect(warnings).toEqual([expect.stringMatching(/^cannot tell systemd READY=1: .*Failed to notify init system$/)]);
});

test.for([
  ["nobody asks", {}, undefined],
  ["asked for one every 120 s", { WATCHDOG_USEC: "120000000", WATCHDOG_PID: "7" }, 60_000],
  ["another process is asked", { WATCHDOG_USEC: "120000000", WATCHDOG_PID: "8" }, undefined],
] as const)("signs of life: %s", ([, env, interval]) => {
  expect(watchdogInterval(env, 7)).toBe(interval);
});
