import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { boot, BOOT_MS, whyNoPid1 } from "./support/pid1.ts";
import { named } from "../support/skipped.ts";
import { tempDir } from "../support/temp-dir.ts";

const run = promisify(execFile);
const SYSTEMD = "/lib/systemd/systemd";
const unit = join(import.meta.dirname, "../../systemd/distswarm.service");
const analyze = await run("systemd-analyze", ["--version"]).then(
  () => true,
  () => false,
);

/** The unit with a command that is there on any machine, for `verify` looks for it. */
async function unitWithPresentCommand(): Promise<string> {
  const dir = await tempDir();
  const copy = join(dir, "distswarm.service");
  await writeFile(copy, (await readFile(unit, "utf8")).replaceAll("/usr/local/bin/distswarm", process.execPath));
  return copy;
}

describe.skipIf(!analyze)(named("the systemd unit", analyze ? undefined : "needs systemd-analyze"), () => {
  test("is understood whole", async () => {
    expect(await run("systemd-analyze", ["verify", "--man=no", await unitWithPresentCommand()])).toEqual({
      stdout: "",
      stderr: "",
    });
  });

  test("is exposed 2.0 at most", async () => {
    await run("systemd-analyze", ["security", "--offline=true", "--threshold=20", "--no-pager", unit]);
  });
});

const reason = whyNoPid1(SYSTEMD);

describe.skipIf(reason !== undefined)(named("under systemd as process 1, without a network", reason), () => {
  let steps: Record<string, string> = {};

  beforeAll(async () => {
    steps = await boot("systemd-init.sh", { "job.sh": "systemd-job.sh", "native.mjs": "native.mjs" });
  }, BOOT_MS);

  test.for([
    ["groups", "distswarm portage"],
    ["still of root", ""],
    ["directories", "750:distswarm 755:distswarm"],
    ["start", "active, serving at 127.0.0.1:8480 and [::1]:8480"],
    ["first answer", "ok"],
    ["portage reads the store", "0=content-hash BLAKE2B 8"],
    ["status", expect.stringMatching(/^It works/)],
    ["reload", "same process"],
    ["hangs", "restarted by the watchdog"],
    ["crash", "restarted, answers"],
    ["restart again and again", "active"],
    ["stop", expect.stringMatching(/^success within [1-5] s$/)],
    ["native parts", "swarm on UDP 8481, database value, multicast, inotify, interface lo"],
    ["wrong config", "exit code 2, 0 restarts"],
    ["why", "distswarm: /etc/distswarm.toml: unknown key store.max_sise; did you mean store.max_size?"],
  ] as const)("%s", ([step, outcome]) => {
    expect(steps[step]).toEqual(outcome);
  });
});
