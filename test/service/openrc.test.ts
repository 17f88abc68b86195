import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { boot, BOOT_MS, whyNoPid1 } from "./support/pid1.ts";
import { named } from "../support/skipped.ts";

/**
 * Where OpenRC is: this machine's own, or an unpacked one (on Debian: `apt-get download openrc libeinfo1 librc1`, `dpkg -x`
 * each to one directory, and its bin, sbin and lib moved to usr).
 */
const OPENRC = process.env["OPENRC_ROOT"] ?? "/";
const project = join(import.meta.dirname, "../..");
const script = join(project, "openrc/distswarm");

test("the init script and its conf.d file are shell that can be read", async () => {
  await promisify(execFile)("sh", ["-n", script]);
  await promisify(execFile)("sh", ["-n", `${script}.confd`]);
});

test("OpenRC and systemd start the same command", async () => {
  const unit = await readFile(join(project, "systemd/distswarm.service"), "utf8");
  const text = await readFile(script, "utf8");
  const command = /^command=(.*)$/m.exec(text)?.[1];
  const args = /^command_args="(\w+) \$\{config_args\}"$/m.exec(text)?.[1];
  expect(unit).toContain(`\nExecStart=${command} ${args}\n`);
});

test("the init script keeps the commands by which supervise-daemon looks after the agent", async () => {
  const sourced = 'extra_commands="healthcheck unhealthy"; . "$0"; echo $extra_commands';
  expect((await promisify(execFile)("sh", ["-c", sourced, script])).stdout).toBe("healthcheck unhealthy checkconfig\n");
});

test.for([
  ["its file", "", "/var/log/distswarm.log /var/log/distswarm.log"],
  ["syslog", "output_logger=logger", "logger logger"],
  ["syslog and elsewhere", "output_logger=logger; error_logger=other", "logger other"],
])("the log, and why the agent ended, go to %s", async ([, conf, logs]) => {
  const sourced = `${conf}; . "$0"; echo $output_log$output_logger $error_log$error_logger`.replace(/^; /, "");
  expect((await promisify(execFile)("sh", ["-c", sourced, script])).stdout).toBe(`${logs}\n`);
});

const reason = whyNoPid1(join(OPENRC, "usr/sbin/openrc-run"));

describe.skipIf(reason !== undefined)(named("under OpenRC, without a network", reason), () => {
  let steps: Record<string, string> = {};

  beforeAll(async () => {
    steps = await boot("openrc-init.sh", { "job.sh": "openrc-job.sh" }, OPENRC);
  }, BOOT_MS);

  test.for([
    ["boot without a network", "started"],
    ["directories", "750:distswarm 755:distswarm 640:distswarm"],
    ["groups", "2"],
    ["still of root", ""],
    ["portage reads the store", "0=content-hash BLAKE2B 8"],
    ["command", expect.stringMatching(/^node \/usr\/local\/bin\/distswarm agent $/)],
    ["io priority", "best-effort: prio 7"],
    ["reload", "same process"],
    ["looked after", "well"],
    ["crash", "started, answers"],
    ["restart", "started"],
    ["hangs", "started, answers"],
    ["supervisor killed", "restarted, the agent left alone is gone"],
    ["restart with a wrong config", "same process, answers"],
    ["stop", expect.stringMatching(/^gone within [1-5] s$/)],
    ["wrong config", "distswarm: /etc/distswarm.toml: unknown key store.max_sise; did you mean store.max_size?"],
    ["after a wrong config", "stopped"],
  ] as const)("%s", ([step, outcome]) => {
    expect(steps[step]).toEqual(outcome);
  });
});
