import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Box } from "../support/box.ts";
import { testFile } from "../support/repository.ts";
import { tempDir } from "../support/temp-dir.ts";
import { boxAndMirror, byDigest, file, literal } from "./door-box.ts";

describe("a mirror that is a directory of this box", () => {
  const twins = [testFile("twin-a", 500), testFile("twin-b", 600)].map((twin) => ({
    ...twin,
    name: "twin-1.0.tar.gz",
  }));

  async function boxBesideDirectory(): Promise<Box> {
    const dir = await tempDir();
    await writeFile(join(dir, file.name), file.bytes);
    await writeFile(join(dir, "unknown.txt"), "unknown");
    await writeFile(join(dir, "twin-1.0.tar.gz"), twins[0]!.bytes);
    return (await boxAndMirror({ files: [file, literal, ...twins], mirrors: [dir] })).box;
  }

  test("answers HEAD, names that tell no digest, ranges, and 404, as a server does", async () => {
    const box = await boxBesideDirectory();
    const head = await fetch(box.url + byDigest, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "700000"]);
    expect((await fetch(`${box.url}/distfiles/${encodeURIComponent(literal.name)}`, { method: "HEAD" })).status).toBe(
      404,
    );
    expect(await (await fetch(`${box.url}/distfiles/unknown.txt`)).text()).toBe("unknown");
    const part = await fetch(`${box.url}/distfiles/unknown.txt`, { headers: { range: "bytes=2-" } });
    expect([part.status, await part.text()]).toEqual([206, "known"]);
    expect((await fetch(`${box.url}/distfiles/unknown.txt`, { headers: { range: "bytes=7-" } })).status).toBe(416);
    expect((await fetch(`${box.url}/distfiles/no-such.txt`)).status).toBe(404);
    const twin = await fetch(`${box.url}/distfiles/twin-1.0.tar.gz`);
    expect(Buffer.from(await twin.arrayBuffer())).toEqual(twins[0]!.bytes);
  });

  test("gives a file whose name tells no digest, which is kept before the agent has stopped", async () => {
    const box = await boxBesideDirectory();
    await (await fetch(`${box.url}/distfiles/twin-1.0.tar.gz`)).arrayBuffer();
    await box.agent.stop();
    const { digest, bytes } = twins[0]!;
    expect(await readFile(join(box.storeDir, "blobs", digest.slice(0, 2), digest))).toEqual(bytes);
  });

  test("is counted among the mirrors", async () => {
    const box = await boxBesideDirectory();
    await (await fetch(box.url + byDigest)).arrayBuffer();
    const { mirrors } = await box.agent.api.status();
    expect(mirrors).toMatchObject([{ requests: 1, failures: 0, bytes: 700_000 }]);
  });
});
