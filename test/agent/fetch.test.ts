import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { distswarm, type Around, type Outcome } from "../cli/cli.ts";
import { startBox, type Box, type BoxOptions } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { slow, startMirror, well, type Behaviour, type MirrorFiles, type MockMirror } from "../support/zoo/zoo.ts";
import { logInto } from "../support/log-lines.ts";

const MIB = 2 ** 20;
const small = testFile("small-1.0.tar.xz", 300_000);
const huge = testFile("huge-1.0.tar.xz", 20 * MIB);

const open = closeAfterEach();

async function mirrorWith(files: MirrorFiles, behaviour: Behaviour = well): Promise<MockMirror> {
  const mirror = await startMirror(behaviour, files, { layout: "filename-hash" });
  open.push(mirror);
  return mirror;
}

async function boxWith(options: BoxOptions): Promise<Box> {
  const box = await startBox(options);
  open.push(box);
  return box;
}

/** `distswarm fetch` against the agent of a box. */
async function fetchAt(box: Box, args: readonly string[], around: Around = {}): Promise<Outcome> {
  const config = join(box.dir, "cli.toml");
  await writeFile(config, `state_dir = ${JSON.stringify(box.config.state_dir)}\n`);
  return distswarm(["fetch", ...args, "--config", config], around);
}

async function get(box: Box, file: TestFile): Promise<string> {
  const answer = await fetch(box.url + pathByDigest(file));
  return digestOf(Buffer.from(await answer.arrayBuffer()));
}

/** A known file that only `elsewhere` has, and a server there. */
async function elsewhereOnly(file: TestFile, path: string): Promise<{ box: Box; mirror: MockMirror; url: string }> {
  const mirror = await mirrorWith({});
  const elsewhere = await mirrorWith({ [path]: file.bytes });
  const box = await boxWith({ files: [small, file], mirrors: [mirror.url] });
  return { box, mirror, url: elsewhere.url + path };
}

describe("what is asked for", () => {
  const other = testFile("other-2.0.tar.gz", 1000);

  test("names and digests are fetched and kept; what nobody has fails alone, and all is told line by line", async () => {
    const mirror = await mirrorWith({ [small.name]: small.bytes, [huge.name]: huge.bytes });
    const box = await boxWith({ files: [small, huge, other], mirrors: [mirror.url] });
    const { code, out } = await fetchAt(box, [small.name, huge.digest, other.name, "no-such-1.0.tar.gz"]);
    expect(code).toBe(1);
    expect(out).toContain(`${small.name}: done, 293.0 KiB from upstream`);
    expect(out).toContain(`${huge.name}: done, 20.0 MiB from upstream`);
    expect(out).toMatch(/other-2\.0\.tar\.gz: failed: nobody has other-2\.0\.tar\.gz; tried: http:\S+ answered 404/);
    expect(out).toContain("no-such-1.0.tar.gz: failed: no Manifest on this box names no-such-1.0.tar.gz");
    expect((await box.agent.api.status()).store.blobs).toBe(2);
    const again = await fetchAt(box, [small.name, huge.digest]);
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining("2 files: 2 already here") as string });
  });

  test("the list of emerge -fp: every URL of a line is a source of its file", async () => {
    const { box, mirror, url } = await elsewhereOnly(other, "/up/v2.0.tar.gz");
    const dead = "http://127.0.0.1:1/other-2.0.tar.gz";
    const list = `Calculating dependencies... done!\n\n${mirror.url}/distfiles/d0/${other.name} ${dead} ${url} \n\n`;
    expect(await fetchAt(box, ["-"], { stdin: list })).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${other.name}: done, 1000 B from upstream`) as string,
    });
  });

  test("the box's own mirror door in such a line, by digest or by name, is no source", async () => {
    const { box, url } = await elsewhereOnly(other, "/up/v2.0.tar.gz");
    const own = [`distfiles/${other.digest.slice(0, 2)}/${other.digest}`, `distfiles/${other.name}`];
    for (const path of own) {
      const missing = await fetchAt(box, ["-"], { stdin: `${box.url}/${path}\n` });
      expect(missing.out).toMatch(/^other-2\.0\.tar\.gz: failed: nobody has other-2\.0\.tar\.gz/m);
      expect(missing.out).not.toContain(`${box.url} `);
    }
    const found = await fetchAt(box, ["-"], { stdin: `${box.url}/${own[0]} ${url}\n` });
    expect(found.code).toBe(0);
  });

  test("what a URL certainly means counts before what the end of another may mean", async () => {
    const { box, url } = await elsewhereOnly(other, `/up/${small.name}`); // the name of another distfile
    const proven = `http://127.0.0.1:1/distfiles/${digestOf(Buffer.from(other.name)).slice(0, 2)}/${other.name}`;
    const { code, out } = await fetchAt(box, ["-"], { stdin: `${url} ${proven}\n` });
    expect([code, out]).toEqual([0, expect.stringContaining(`${other.name}: done`)]);
  });
});

describe("a store that cannot take a file", () => {
  const store = { max_size: "12MiB", min_free: "0B" };

  test("ends its fetch with the reason before anything is asked upstream, and holds up nobody else", async () => {
    const mirror = await mirrorWith({ [small.name]: small.bytes, [huge.name]: huge.bytes });
    const upstream = { mirrors: [mirror.url], transfers: 1 };
    const box = await boxWith({ files: [small, huge], config: { store, upstream } });
    const { code, out } = await fetchAt(box, [huge.name, small.name]);
    expect(code).toBe(1);
    expect(out).toContain(`${huge.name}: failed: a blob of 20.0 MiB is larger than store.max_size (12.0 MiB)`);
    expect(out).toContain(`${small.name}: done, 293.0 KiB from upstream`);
    expect(mirror.files()).toHaveLength(1);
    expect(await get(box, small)).toBe(small.digest);
  });

  test("ends its fetch when the client that read the file as it came has left", async () => {
    const mirror = await mirrorWith({ [huge.name]: huge.bytes }, slow(4 * MIB));
    const box = await boxWith({ files: [huge], mirrors: [mirror.url], config: { store } });
    const leaving = new AbortController();
    await fetch(`${box.url}/distfiles/${huge.name}`, { signal: leaving.signal });
    let printed = "";
    const fetching = fetchAt(box, [huge.name], { onOutput: (text) => void (printed += text) });
    await expect.poll(() => printed).toContain(`${huge.name}: 20.0 MiB`);
    expect((await box.agent.api.status()).transfers).toMatchObject([{ clients: 1 }]);
    leaving.abort();
    expect(await fetching).toMatchObject({ code: 1 });
    expect((await box.agent.api.status()).transfers).toEqual([]);
  });
});

test("an empty file needs no source, and the log says so", async () => {
  const empty = testFile("empty-1.0.tar.xz", 0);
  const mirror = await mirrorWith({});
  const lines: string[] = [];
  const log = logInto(lines);
  const box = await boxWith({ files: [empty], mirrors: [mirror.url], log });
  expect(await get(box, empty)).toBe(empty.digest);
  await expect
    .poll(() => lines)
    .toContainEqual(expect.stringMatching(/^empty-1\.0\.tar\.xz: 0 B in \d+ ms from nobody, it is empty$/));
  expect(mirror.files()).toEqual([]);
});
