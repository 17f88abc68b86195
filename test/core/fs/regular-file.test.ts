import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRegular, readRegularText, writeRegular } from "../../../src/core/fs/regular-file.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("a file is read and written whole", async () => {
  const path = join(await tempDir(), "file");
  await writeFile(path, "longer than what follows");
  await writeRegular(path, "größer");
  expect(await readFile(path, "utf8")).toBe("größer");
  expect(await readRegularText(path)).toBe("größer");
});

test("a FIFO in its place is refused at once: nobody is waited for", async () => {
  const path = join(await tempDir(), "pipe");
  execFileSync("mkfifo", [path]);
  await expect(readRegular(path)).rejects.toThrow("it is no regular file");
  await expect(writeRegular(path, "text")).rejects.toMatchObject({ code: "ENXIO" });
});

test("neither a directory nor a device is read", async () => {
  await expect(readRegular(await tempDir())).rejects.toMatchObject({ code: "EISDIR" });
  await expect(readRegular("/dev/zero")).rejects.toThrow("it is no regular file");
});
