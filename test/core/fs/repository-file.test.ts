import { execFileSync } from "node:child_process";
import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRepositoryFile } from "../../../src/core/fs/repository-file.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("a file is read, also by a symlink that leads to one of the same name", async () => {
  const dir = await tempDir();
  await mkdir(join(dir, "other"));
  await writeFile(join(dir, "other", "Manifest"), "DIST …");
  await symlink("other/Manifest", join(dir, "Manifest"));
  expect(await readRepositoryFile(join(dir, "other", "Manifest"))).toBe("DIST …");
  expect(await readRepositoryFile(join(dir, "Manifest"))).toBe("DIST …");
});

test("a symlink to a file of another name is not followed: it may be a secret of the agent", async () => {
  const dir = await tempDir();
  await writeFile(join(dir, "network.key"), "a secret");
  await symlink("network.key", join(dir, "Manifest"));
  await expect(readRepositoryFile(join(dir, "Manifest"))).rejects.toThrow("a symlink to a file of another name");
});

test("what has more bytes than such a file ever has, and what is no file, is not read", async () => {
  const dir = await tempDir();
  await writeFile(join(dir, "large"), "");
  await truncate(join(dir, "large"), 2 ** 30);
  await expect(readRepositoryFile(join(dir, "large"))).rejects.toThrow("too large: 1.00 GiB");
  execFileSync("mkfifo", [join(dir, "pipe")]);
  await expect(readRepositoryFile(join(dir, "pipe"))).rejects.toThrow("it is no regular file");
});
