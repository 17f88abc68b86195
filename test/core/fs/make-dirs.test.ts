import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeDirs } from "../../../src/core/fs/make-dirs.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("makes a directory with the parents that it lacks, and is content where it is there", async () => {
  const dir = join(await tempDir(), "a", "b", "c");
  for (const _ of ["once", "again"]) await makeDirs(dir, 0o700);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
});

test("a file in the way is an error", async () => {
  const path = join(await tempDir(), "file");
  await writeFile(path, "");
  await expect(makeDirs(path)).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeDirs(join(path, "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
});

test("a file system that makes no directories is an error, at once", async () => {
  await expect(makeDirs("/proc/distswarm/state")).rejects.toMatchObject({ code: "ENOENT" });
});
