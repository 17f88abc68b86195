import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import type { Box } from "../support/box.ts";
import { boxThatKnows } from "./door-box.ts";

vi.mock("level", () => {
  throw new Error("No native build was found");
});
vi.mock("hyperdht", () => {
  throw new Error("No native build was found");
});

const small = testFile("small-1.0.tar.xz", 3000);
const large = testFile("large-1.0.tar.xz", 3_000_000);

async function get(box: Box, file: TestFile): Promise<void> {
  const answer = await fetch(box.url + pathByDigest(file));
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
}

test("where neither database nor swarm loads, a box is a cache for itself, also after a restart, and says so", async () => {
  const { box, mirror } = await boxThatKnows([small, large]);
  await get(box, small);
  await get(box, large);
  await expect.poll(async () => (await box.agent.api.status()).store.blobs).toBe(2);
  expect((await box.agent.api.status()).warnings).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^the database does not load on linux \w+ \(.+\): it is kept in memory, and the Manifests /,
      ),
      expect.stringContaining("native parts of the swarm do not load"),
    ]),
  );

  await box.restart();
  await mirror.close();
  await get(box, small);
  await get(box, large);
  const { store, index } = await box.agent.api.status();
  expect([store.blobs, index.distfiles]).toEqual([2, 2]);
  expect(await readdir(join(box.dir, "state"))).not.toContain("db");
});
