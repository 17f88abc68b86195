import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { onTestFinished, type TestContext } from "vitest";
import { tempDir } from "../../support/temp-dir.ts";

const run = promisify(execFile);

/** A file system of its own, that can be filled and made read-only. */
export interface SmallDisk {
  readonly dir: string;
  remount(mode: "ro" | "rw"): Promise<void>;
}

/** Mounts a tmpfs of `bytes`, unmounted when the test ends; skips the test where that is not allowed. */
export async function mountDisk(context: TestContext, bytes: number): Promise<SmallDisk> {
  const dir = await tempDir();
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "distswarm-test", dir]);
  } catch {
    context.skip("needs the right to mount a tmpfs");
  }
  onTestFinished(() => run("umount", ["-l", dir]).then(() => {}));
  return { dir, remount: async (mode) => void (await run("mount", ["-o", `remount,${mode}`, dir])) };
}
