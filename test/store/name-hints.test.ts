import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { NameHints } from "../../src/store/name-hints.ts";
import { tempDir } from "../support/temp-dir.ts";

const LOOK_EVERY_MS = 20;

/** Watches a directory; what it was told so far. */
async function watching(dir: string): Promise<{ names: string[]; missed: number; hints: NameHints }> {
  const told = { names: [] as string[], missed: 0, hints: undefined as unknown as NameHints };
  told.hints = new NameHints(
    {
      changed: (names) => void told.names.push(...names),
      missed: () => void told.missed++,
      failed: (error) => expect.unreachable(String(error)),
    },
    { lookEveryMs: LOOK_EVERY_MS },
  );
  onTestFinished(() => told.hints.close());
  await told.hints.watch(dir);
  return told;
}

test("tells the names that change, and of a directory that is put in the place of the watched one", async () => {
  const dir = join(await tempDir(), "distdir");
  await mkdir(dir);
  const told = await watching(dir);
  await writeFile(join(dir, "foo-1.tar.xz"), "");
  await expect.poll(() => told.names).toContain("foo-1.tar.xz");
  expect(told.missed).toBe(0);

  await rename(dir, `${dir}.old`);
  await expect.poll(() => told.missed).toBe(1);
  await mkdir(dir);
  await expect.poll(() => told.missed).toBe(2);
  await told.hints.watch(dir);
  await writeFile(join(dir, "bar-1.tar.xz"), "");
  await expect.poll(() => told.names).toContain("bar-1.tar.xz");
  expect(told.missed).toBe(2);
});

test("tells of each change that it sees while it has no watch", async () => {
  const dir = join(await tempDir(), "distdir");
  const told = await watching(dir); // not there yet, as where inotify has no watch to give
  await mkdir(dir);
  await expect.poll(() => told.missed).toBe(1);
  await writeFile(join(dir, "foo-1.tar.xz"), "");
  await expect.poll(() => told.missed).toBe(2);
});
