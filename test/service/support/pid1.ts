import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const PROJECT = join(import.meta.dirname, "../../..");
const BOOT = join(import.meta.dirname, "boot.sh");
/** A boot, its job and the way down; on an idle machine they take about a tenth of it. */
const LIMIT_MS = 300_000;
/** What a test's hook may take that boots one. */
export const BOOT_MS = LIMIT_MS + 10_000;
const NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup"];

/** Why no init system can be booted here in namespaces of its own; undefined when one can. */
export function whyNoPid1(init: string): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  if (!existsSync(init)) return `needs ${init}`;
  try {
    execFileSync("unshare", [...NAMESPACES, "mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], { stdio: "ignore" });
  } catch {
    return "needs namespaces";
  }
  return undefined;
}

/**
 * Boots a copy of this machine's file system, without a network and nowhere to write but memory, with `init` (a shell
 * script of this directory that ends in the init system) as process 1. The project lies in /opt/distswarm there, and
 * `files` of this directory beside the init script in /run/job. The files below `over` are put over those of this machine.
 *
 * @returns what the job wrote to /run/job/out: the outcome of each step, from lines such as `start: active`.
 */
export async function boot(
  init: string,
  files: Readonly<Record<string, string>>,
  over = "/",
): Promise<Record<string, string>> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-pid1-"));
  try {
    const job = join(dir, "job");
    await mkdir(job);
    await writeFile(join(job, "out"), "");
    for (const [name, file] of Object.entries({ init, ...files })) {
      await copyFile(join(import.meta.dirname, file), join(job, name));
    }
    const running = promisify(execFile)("unshare", [...NAMESPACES, "sh", BOOT, dir, PROJECT, over], {
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    const { stdout, stderr } = await running.catch((error: unknown) => error as { stdout: string; stderr: string });
    return outcomes(await readFile(join(job, "out"), "utf8"), stdout + stderr);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function outcomes(out: string, said: string): Record<string, string> {
  const steps = Object.fromEntries(
    [...out.matchAll(/^([a-z ]+): (.*)$/gm)].map(([, step, outcome]) => [step, outcome]),
  );
  if (out.endsWith("done\n")) return steps as Record<string, string>;
  throw new Error(`the job did not get to its end:\n${out}\n${said}`);
}
