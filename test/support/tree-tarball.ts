import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { tarballBytes } from "../snapshot/support/unit.ts";
import { hasProgram } from "./nginx.ts";

/** Ebuilds in the tree, and random bytes in each: they make a tarball of some 600 KiB. */
const EBUILDS = 300;
const BYTES_EACH = 2000;

/** A Portage tree packed by tar and xz, as Gentoo's are; without those, bytes that end as such a file does. */
export async function treeTarball(date: string, bytesEach = BYTES_EACH): Promise<Buffer> {
  const isPackable = (await hasProgram("tar")) && (await hasProgram("xz"));
  if (!isPackable) return tarballBytes(date, EBUILDS * bytesEach);
  const dir = await mkdtemp(join(tmpdir(), "distswarm-tree-"));
  try {
    const top = `gentoo-${date}`;
    await writeTree(join(dir, top), bytesEach);
    await promisify(execFile)("tar", ["-cJf", "tree.tar.xz", top], { cwd: dir, env: { ...process.env, XZ_OPT: "-0" } });
    return await readFile(join(dir, "tree.tar.xz"));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function writeTree(root: string, bytesEach: number): Promise<void> {
  await mkdir(join(root, "metadata"), { recursive: true });
  await writeFile(join(root, "metadata", "timestamp.x"), `${Math.floor(Date.now() / 1000)}\n`);
  for (let at = 0; at < EBUILDS; at += 1) {
    await mkdir(join(root, `app-${at % 10}`), { recursive: true });
    await writeFile(join(root, `app-${at % 10}`, `package-${at}.ebuild`), randomBytes(bytesEach));
  }
}
