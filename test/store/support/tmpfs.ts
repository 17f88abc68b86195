import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { onTestFinished, type TestContext } from "vitest";
import { tempDir } from "../../support/temp-dir.ts";

const run = promisify(execFile);

/** A file system of its own, that can be filled and made read-only. */
export interface SmallDisk {
  readonly dir: string;
  remount(mode: "ro" | "rw"): Promise<void>;
  /** Puts it away: the mount point shows. */
  unmount(): Promise<void>;
  /** Mounts it again, with all that was on it. */
  mount(): Promise<void>;
}

/** Mounts a tmpfs of `bytes`, unmounted when the test ends; skips the test where that is not allowed. */
export async function mountDisk(context: TestContext, bytes: number): Promise<SmallDisk> {
  const [dir, disk] = [await tempDir(), await tempDir()];
  const unmount = async () => void (await run("umount", ["-l", dir]));
  const mount = async () => void (await run("mount", ["--bind", disk, dir]));
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "distswarm-test", disk]);
  } catch {
    context.skip("needs the right to mount a tmpfs");
  }
  onTestFinished(async () => {
    await unmount().catch(() => {});
    await run("umount", ["-l", disk]);
  });
  await mount();
  return { dir, remount: async (mode) => void (await run("mount", ["-o", `remount,${mode}`, disk])), unmount, mount };
}
