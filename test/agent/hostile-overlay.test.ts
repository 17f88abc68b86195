import { mkdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { printText } from "../../src/cli/print.ts";
import { renderStatus } from "../../src/cli/render-status.ts";
import { readCacheEntry } from "../../src/upstream/md5-cache.ts";
import { logInto } from "../support/log-lines.ts";
import { startBox, type Box } from "../support/box.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A box on which an overlay was synced whose author means harm, and what it logged. */
async function boxWithOverlay(write: (box: Box) => Promise<unknown>): Promise<{ box: Box; lines: string[] }> {
  const lines: string[] = [];
  const box = await startBox({ log: logInto(lines) });
  onTestFinished(() => box.close());
  await write(box);
  await box.restart();
  return { box, lines };
}

/** A package of the overlay. */
async function packageOf(box: Box): Promise<string> {
  const dir = join(box.repo, "app-misc", "evil");
  await mkdir(dir, { recursive: true });
  return dir;
}

test("an overlay whose files are symlinks to the agent's secrets has none of them told", async () => {
  const { box, lines } = await boxWithOverlay(async (box) => {
    const secret = join(box.dir, "state", "network.key");
    await symlink(secret, join(await packageOf(box), "Manifest"));
    const name = join(box.repo, "profiles", "repo_name");
    await rm(name);
    await symlink(secret, name);
  });
  const key = (await readFile(join(box.dir, "state", "network.key"), "utf8")).trim();
  const manifest = join(box.repo, "app-misc/evil/Manifest");
  await expect
    .poll(() => box.agent.api.status().then(({ warnings }) => warnings))
    .toContain(`${manifest}: it is a symlink to a file of another name`);
  expect(JSON.stringify(await box.agent.api.status())).not.toContain(key);
  expect(await (await fetch(box.url)).text()).not.toContain(key);
  expect(lines.join("\n")).not.toContain(key);
});

test("an overlay cannot rewrite the terminal of whoever asks for the status", async () => {
  const { box } = await boxWithOverlay(async (box) => {
    const line = "DIST a.tar \u001b]0;title\u0007\u009b2J BLAKE2B 00\n";
    await writeFile(join(await packageOf(box), "Manifest"), line);
  });
  await expect.poll(async () => (await box.agent.api.status()).warnings.join()).toContain("app-misc/evil/Manifest");
  const stdout = new PassThrough();
  printText({ stdout }, renderStatus(await box.agent.api.status()));
  stdout.end();
  const shown = await text(stdout);
  expect(shown).toContain("the size is not a number of bytes: \\u001b]0;title\\u0007\\u009b2J");
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test("an entry of an md5-cache that takes more memory than the agent may have is not read", async () => {
  const entry = join(await tempDir(), "files-1");
  await writeFile(entry, "");
  await truncate(entry, 2 ** 30);
  await expect(readCacheEntry(entry)).rejects.toThrow("too large: 1.00 GiB");
});
