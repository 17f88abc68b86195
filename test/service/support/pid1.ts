import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const PROJECT = join(import.meta.dirname, "../../..");
const BOOT = join(import.meta.dirname, "boot.sh");
/** A boot, its job and the way down; they take about a tenth of it. */
const LIMIT_MS = 90_000;
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
 * script that ends in the init system) as process 1. The project lies in /opt/distswarm there, and what is written to
 * /run/job/out comes back. The files below `over` are put over those of this machine.
 */
export async function boot(init: string, files: Readonly<Record<string, string>>, over = "/"): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-pid1-"));
  try {
    const job = join(dir, "job");
    await mkdir(job);
    for (const [name, text] of Object.entries({ init, out: "", ...files })) await writeFile(join(job, name), text);
    const running = promisify(execFile)("unshare", [...NAMESPACES, "sh", BOOT, dir, PROJECT, over], {
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    const { stdout, stderr } = await running.catch((error: unknown) => error as { stdout: string; stderr: string });
    const out = await readFile(join(job, "out"), "utf8");
    if (!out.endsWith("done\n")) throw new Error(`the job did not end:\n${out}\n${stdout}\n${stderr}`);
    return out;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
