import { execFile } from "node:child_process";
import { copyFile, mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished, type TestContext } from "vitest";
import { tempDir } from "./temp-dir.ts";

const run = promisify(execFile);

const DISK_BYTES = 32 * 2 ** 20;

/** An ext4 of its own, from which the power can be taken. */
export interface CuttableDisk {
  readonly dir: string;
  /** The directory as a power cut now would leave it: what only memory holds is lost. */
  cut(): Promise<string>;
}

/** Makes one, gone when the test ends; skips the test where that is not allowed. */
export async function mountCuttableDisk(context: TestContext): Promise<CuttableDisk> {
  const home = await tempDir();
  const image = join(home, "disk");
  await writeFile(image, "");
  await truncate(image, DISK_BYTES);
  await run("mkfs.ext4", ["-q", "-F", image]).catch(() => context.skip("needs mkfs.ext4"));
  const dir = await mount(image).catch(() => context.skip("needs the right to mount a loop device"));
  await run("sync", ["-f", dir]);
  let cuts = 0;
  return {
    dir,
    cut: async () => {
      const copy = `${image}.${++cuts}`;
      await copyFile(image, copy);
      return mount(copy);
    },
  };
}

async function mount(image: string): Promise<string> {
  const dir = `${image}.mounted`;
  await mkdir(dir);
  await run("mount", ["-o", "loop", image, dir]);
  onTestFinished(() => run("umount", ["-l", dir]).then(() => {}));
  return dir;
}
