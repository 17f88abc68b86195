import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { distswarm } from "../cli/cli.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { hintAtSync, makeRepository, pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { startMirror, well } from "../support/zoo/zoo.ts";

const file = testFile("here-1.0.tar.gz", 700_000);
const absent = testFile("absent-1.0.tar.gz", 500);
const twins = [testFile("twin-a", 500), testFile("twin-b", 600)].map((twin) => ({ ...twin, name: "twin-1.0.tar.gz" }));

const open = closeAfterEach();

async function setUp(): Promise<{ box: Box; mirrorUrl: string }> {
  const mirror = await startMirror(well, { [file.name]: file.bytes }, { layout: "filename-hash" });
  const box = await startBox({ files: [file, absent, ...twins], mirrors: [mirror.url] });
  open.push(mirror, box);
  return { box, mirrorUrl: mirror.url };
}

/** `distswarm explain` against the agent of a box. */
async function explain(box: Box, asked: string): Promise<{ code: number; out: string; err: string }> {
  const config = join(box.dir, "cli.toml");
  await writeFile(config, `state_dir = ${JSON.stringify(box.config.state_dir)}\n`);
  return distswarm(["explain", asked, "--config", config]);
}

async function get(box: Box, file: TestFile): Promise<number> {
  const answer = await fetch(box.url + pathByDigest(file));
  await answer.arrayBuffer();
  return answer.status;
}

test("a name, a digest and a URL are told as the same file: where it would come from, then where it is and how it came", async () => {
  const { box, mirrorUrl } = await setUp();
  const url = `${mirrorUrl}/distfiles/${file.name}`;
  for (const asked of [file.name, file.digest, url]) {
    const { out } = await explain(box, asked);
    expect(out).toContain(file.digest);
    expect(out).toContain("not on this box");
    expect(out).toContain("No peer has it: upstream will be asked.");
    expect(out).toMatch(/1\. {2}upstream {2}http:/);
    expect(out).toContain("not retrieved since the agent started");
    expect(out).toContain(`SRC_URI   not known: ${box.repo} has no md5-cache`);
  }
  expect(await get(box, file)).toBe(200);
  await expect.poll(async () => (await explain(box, url)).out).toContain("here, in the store");
  expect((await explain(box, file.digest)).out).toMatch(/last time:\n.* ok .* answered after/);
});

test("a shortened digest is told like the whole one", async () => {
  const { box } = await setUp();
  for (const asked of [file.digest.slice(0, 8), `${file.digest.slice(0, 16)}…`]) {
    expect((await explain(box, asked)).out).toContain(`${file.digest}\n`);
  }
  expect((await explain(box, "0123456789")).out).toContain("a name that no Manifest on this box has");
});

test("what nobody had: the answer counts as one, and it is told for how long it is remembered", async () => {
  const { box } = await setUp();
  expect(await get(box, absent)).toBe(404);
  const { out } = await explain(box, absent.name);
  expect(out).toMatch(/ABSENT .*answered after .*answered 404/);
  const [, seconds] =
    /Nobody had it a moment ago: for another (\d+) s that is the answer \(404\), without asking\./.exec(out) ?? [];
  expect(Number(seconds)).toBeGreaterThan(0);
  expect(Number(seconds)).toBeLessThanOrEqual(30);
});

test("a name with two digests is told with both files", async () => {
  const { box } = await setUp();
  const { out } = await explain(box, "twin-1.0.tar.gz");
  expect(out).toContain("a name with 2 digests");
  for (const { digest } of twins) expect(out).toContain(digest);
});

test("what has no BLAKE2B, what no Manifest names, and nothing at all", async () => {
  const { box } = await setUp();
  const manifest = join(box.repo, "app-misc", "files", "Manifest");
  await writeFile(manifest, `DIST old-1.0.tar.gz 5 SHA512 ${"ab".repeat(64)}\n`);
  await hintAtSync(box.repo);
  await expect
    .poll(async () => (await explain(box, "old-1.0.tar.gz")).out)
    .toContain("a distfile without a BLAKE2B digest: it passes through");
  expect((await explain(box, "no-such.tar.gz")).out).toContain("a name that no Manifest on this box has");
  expect(await explain(box, " ")).toMatchObject({
    code: 1,
    err: "distswarm: asked: nothing: name a distfile, a URL or a digest\n",
  });
});

test("a blob that is here though no Manifest names it any more is told with its place", async () => {
  const { box } = await setUp();
  expect(await get(box, file)).toBe(200);
  await expect.poll(async () => (await box.agent.api.status()).store.blobs).toBe(1);
  await makeRepository(box.repo, [absent]);
  await hintAtSync(box.repo);
  await expect
    .poll(async () => (await explain(box, file.digest)).out)
    .toContain("a digest that no Manifest on this box has; its blob is here and is served");
  expect((await explain(box, file.digest)).out).toContain(`here, in the store: ${box.storeDir}`);
});
