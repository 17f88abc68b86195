import { describe, expect, test } from "vitest";
import type { Want } from "../../src/core/distfile.ts";
import type { UpstreamMirrors } from "../../src/upstream/upstream-mirrors.ts";
import { tempDir } from "../support/temp-dir.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { mirrorOf, noSignal, writeTree } from "./harness.ts";
import { FILES, labels, NAME, upstreamOf, WANT } from "./one-file.ts";

/** An ebuild repository with these files. */
async function repoWith(files: Record<string, string>): Promise<string> {
  const dir = await tempDir();
  await writeTree(dir, files);
  return dir;
}

describe("the order of the sources", () => {
  const cacheEntry = (extra: string): Record<string, string> => ({
    "app-misc/foo/foo-1.ebuild": "",
    "metadata/md5-cache/app-misc/foo-1": `${extra}\n`,
    "profiles/thirdpartymirrors": "own http://t.example/own\n",
  });

  async function orderWith(extra: string, want: Partial<Want> = {}): Promise<string[]> {
    const repo = await repoWith(cacheEntry(extra));
    const mirror = await mirrorOf(zoo.well, FILES);
    const upstream = await upstreamOf([mirror.url], { repos: [repo] });
    const found = await labels(upstream, { ...WANT, packages: [{ repo, package: "app-misc/foo" }], ...want });
    return found.map((label) => label.replace(mirror.url, "MIRROR"));
  }

  const MIRROR_URL = "MIRROR/distfiles/foo%2B1.tar.xz";

  test("is the mirrors, the URL that the client named, SRC_URI", async () => {
    const extra = `SRC_URI=https://s.example/v1.tgz -> ${NAME} mirror://own/${NAME} https://s.example/else.tgz`;
    expect(await orderWith(extra, { urls: ["http://client.example/x"] })).toEqual([
      MIRROR_URL,
      "http://client.example/x",
      "https://s.example/v1.tgz",
      `http://t.example/own/${NAME}`,
    ]);
  });

  test("has each URL once", async () => {
    const extra = `SRC_URI=https://s.example/v1.tgz -> ${NAME}`;
    expect(await orderWith(extra, { urls: ["https://s.example/v1.tgz"] })).toEqual([
      MIRROR_URL,
      "https://s.example/v1.tgz",
    ]);
  });

  test.each([
    ["RESTRICT=mirror skips the mirrors", "RESTRICT=mirror", "", ["s"]],
    ["RESTRICT=fetch skips mirrors and SRC_URI", "RESTRICT=fetch", "", []],
    ["mirror+ lifts both", "RESTRICT=fetch mirror", "mirror+", ["m", "s"]],
    ["fetch+ lifts fetch, not mirror", "RESTRICT=fetch", "fetch+", ["s"]],
    ["a restriction that hangs on a USE flag does not restrict", "RESTRICT=x? ( mirror fetch )", "", ["m", "s"]],
  ])("%s", async (_what, restrict, prefix, expected) => {
    const found = await orderWith(`${restrict}\nSRC_URI=${prefix}https://s.example/${NAME}`);
    expect(found.map((label) => (label === MIRROR_URL ? "m" : "s"))).toEqual(expected);
  });

  test.each(["", "RESTRICT=mirror\n", "RESTRICT=fetch\n"])(
    "begins with the local mirrors of /etc/portage/mirrors, and a directory is asked for what may not be mirrored, too: %j",
    async (restrict) => {
      const repo = await repoWith(cacheEntry(`${restrict}SRC_URI=mirror://own/${NAME}`));
      const local = await mirrorOf(zoo.well, FILES);
      const mirror = await mirrorOf(zoo.well, FILES);
      const dir = await tempDir();
      const customMirrors = [`local ${local.url}/`, "own http://c.example"];
      const upstream = await upstreamOf([mirror.url, dir], { repos: [repo], customMirrors });
      const found = await labels(upstream, { ...WANT, packages: [{ repo, package: "app-misc/foo" }] });
      const fromMirror = restrict === "" ? [`${mirror.url}/distfiles/foo%2B1.tar.xz`] : [];
      expect(found).toEqual([
        `${local.url}/distfiles/foo%2B1.tar.xz`,
        ...fromMirror,
        `${dir}/${NAME}`,
        `http://c.example/${NAME}`,
        `http://t.example/own/${NAME}`,
      ]);
    },
  );

  test("follows /etc/portage/mirrors when it is read again", async () => {
    const repo = await repoWith(cacheEntry(`SRC_URI=mirror://mine/${NAME}`));
    const want = { ...WANT, packages: [{ repo, package: "app-misc/foo" }] };
    const upstream = await upstreamOf([], { repos: [repo] });
    expect(await labels(upstream, want)).toEqual([]);
    upstream.useMirrors([], ["mine http://m.example"]);
    expect(await labels(upstream, want)).toEqual([`http://m.example/${NAME}`]);
    expect(await upstream.nameOf(`http://m.example/${NAME}`)).toBe(NAME);
  });

  test("RESTRICT=mirror of one package leaves the mirrors to another", async () => {
    const strict = await repoWith(cacheEntry(`RESTRICT=mirror\nSRC_URI=https://s.example/${NAME}`));
    const open = await repoWith(cacheEntry(`SRC_URI=https://s.example/${NAME}`));
    const overlay = await tempDir();
    const mirror = await mirrorOf(zoo.well, FILES);
    const upstream = await upstreamOf([mirror.url], { repos: [strict, open, overlay] });
    const packages = [strict, open, overlay].map((repo) => ({ repo, package: "app-misc/foo" }));
    expect(await labels(upstream, { ...WANT, packages: [packages[0]!] })).toHaveLength(1);
    expect(await labels(upstream, { ...WANT, packages: packages.slice(0, 2) })).toHaveLength(2);
    expect(await labels(upstream, { ...WANT, packages: [packages[0]!, packages[2]!] })).toHaveLength(2);
  });

  test("has what mirror:// means in any repository, whoever is whose master, as in Portage", async () => {
    const main = await repoWith({ "profiles/thirdpartymirrors": "gnu http://g.example/ http://v.example\n" });
    const other = await repoWith({ "profiles/thirdpartymirrors": "gnu http://o.example http://p.example\n" });
    const overlay = await repoWith({
      "metadata/layout.conf": "thin-manifests = true\n",
      "profiles/thirdpartymirrors": "gnu -http://o.example http://v.example\n",
      "app-misc/foo/foo-1.ebuild": "",
      "metadata/md5-cache/app-misc/foo-1": `SRC_URI=mirror://gnu/${NAME}\n`,
    });
    const upstream = await upstreamOf([], { repos: [main, overlay, other], customMirrors: ["gnu http://c.example"] });
    const packages = [{ repo: overlay, package: "app-misc/foo" }];
    const hosts = async (turn: number): Promise<string[]> => {
      const digest = `0000000${turn}${WANT.digest.slice(8)}` as Want["digest"];
      return (await labels(upstream, { ...WANT, packages, digest })).map((label) => new URL(label).host[0]!);
    };
    expect(await hosts(0)).toEqual(["c", "p", "v", "g"]); // the last repository's first; -URL takes back
    expect(await hosts(1)).toEqual(["c", "v", "g", "p"]);
  });
});

describe("what the ebuilds of a package say", () => {
  const CACHE = "metadata/md5-cache/app-misc/foo-1";

  test("holds for 10 s for the files that they named, and is read again for any other", async () => {
    let now = 0;
    const repo = await repoWith({ "app-misc/foo/foo-1.ebuild": "", [CACHE]: `SRC_URI=http://old.example/${NAME}\n` });
    const upstream = await upstreamOf([], { repos: [repo], elapsed: () => now });
    const labelsOf = (name: string): Promise<string[]> =>
      labels(upstream, { ...WANT, names: [name], packages: [{ repo, package: "app-misc/foo" }] });
    expect(await labelsOf(NAME)).toEqual([`http://old.example/${NAME}`]);
    await writeTree(repo, { [CACHE]: `SRC_URI=http://new.example/${NAME}\n` });
    expect(await labelsOf(NAME)).toEqual([`http://old.example/${NAME}`]);
    now = 10_001;
    expect(await labelsOf(NAME)).toEqual([`http://new.example/${NAME}`]);
    await writeTree(repo, { [CACHE]: `SRC_URI=http://new.example/other.tgz http://newest.example/${NAME}\n` });
    expect(await labelsOf("other.tgz")).toEqual(["http://new.example/other.tgz"]);
    expect(await labelsOf(NAME)).toEqual([`http://newest.example/${NAME}`]);
  });

  test("is read no further than somebody is asked: a crate is named by hundreds of packages", async () => {
    const packages = Array.from({ length: 300 }, (_, at) => `app-misc/foo${at}`);
    const texts = packages.flatMap((name, at) => [
      [`${name}/foo${at}-1.ebuild`, ""],
      [`metadata/md5-cache/${name}-1`, `SRC_URI=http://s${at}.example/${NAME}\n`],
    ]);
    const repo = await repoWith(Object.fromEntries(texts) as Record<string, string>);
    const upstream = await upstreamOf([], { repos: [repo] });
    const want = { ...WANT, packages: packages.map((name) => ({ repo, package: name })) };
    const asked: string[] = [];
    for await (const { label } of upstream.sources(want, { signal: noSignal() })) {
      asked.push(label);
      await writeTree(repo, { [`metadata/md5-cache/${packages[asked.length]}-1`]: "SRC_URI=\n" }); // not read yet
      if (asked.length === 3) break;
    }
    const hosts = asked.map((label) => new URL(label).hostname);
    expect(hosts).toEqual(["s0.example", "s2.example", "s3.example"]);
  });

  test("tells of each ebuild that needs a file what it needs beside it, whatever its USE flags", async () => {
    const entry = (uris: string): string => `SRC_URI=${uris}\n`;
    const repo = await repoWith({
      "app-misc/foo/foo-1.ebuild": "",
      "app-misc/foo/foo-2.ebuild": "",
      "app-misc/foo/foo-3.ebuild": "",
      "app-misc/foo/foo-4.ebuild": "",
      [CACHE]: entry(`http://s.example/b.tgz doc? ( http://s.example/doc.zip ) http://s.example/v1 -> ${NAME}`),
      "metadata/md5-cache/app-misc/foo-2": entry(`http://s.example/${NAME}`),
      "metadata/md5-cache/app-misc/foo-3": entry(`test? ( http://s.example/${NAME} ) http://s.example/c.tgz`),
      "metadata/md5-cache/app-misc/foo-4": entry("http://s.example/d.tgz"),
    });
    const upstream = await upstreamOf([], { repos: [repo] });
    const neighbours = await upstream.neighbours({ ...WANT, packages: [{ repo, package: "app-misc/foo" }] });
    expect(neighbours.map((names) => names.join(" ")).toSorted()).toEqual([`b.tgz ${NAME}`, NAME]);
  });
});

describe("what of SRC_URI nobody is asked for", () => {
  const THIRD_PARTY =
    "own http://t.example\nold ftp://f.example rsync://r.example\nmixed ftp://f.example http://t.example\n";

  async function upstreamWith(cache: string): Promise<{ upstream: UpstreamMirrors; want: Want }> {
    const repo = await repoWith({
      "app-misc/foo/foo-1.ebuild": "",
      "metadata/md5-cache/app-misc/foo-1": `${cache.replaceAll("NAME", NAME)}\n`,
      "profiles/thirdpartymirrors": THIRD_PARTY,
    });
    const upstream = await upstreamOf(["http://m.example"], { repos: [repo] });
    return { upstream, want: { ...WANT, packages: [{ repo, package: "app-misc/foo" }] } };
  }

  test.each([
    ["SRC_URI=https://s.example/NAME mirror://own/NAME mirror://mixed/NAME", []],
    ["SRC_URI=ftp://f.example/NAME https://s.example/NAME", ["protocol"]],
    ["SRC_URI=mirror://nobody/a/NAME mirror://nobody/b/NAME", ["group"]],
    ["SRC_URI=mirror://old/NAME", ["protocol"]],
    ["RESTRICT=mirror\nSRC_URI=mirror://old/NAME", ["mirror", "protocol"]],
    ["RESTRICT=mirror\nSRC_URI=mirror+https://s.example/NAME", []],
    ["RESTRICT=fetch\nSRC_URI=NAME", ["fetch"]],
    ["RESTRICT=fetch\nSRC_URI=ftp://f.example/NAME", ["fetch"]],
    ["RESTRICT=fetch\nSRC_URI=fetch+https://s.example/NAME", ["mirror"]],
    ["RESTRICT=fetch\nSRC_URI=mirror://own/NAME", ["mirror"]],
    ["RESTRICT=fetch\nSRC_URI=mirror://nobody/NAME", ["fetch", "group"]],
  ])("%j: %j", async (cache, reasons) => {
    const { upstream, want } = await upstreamWith(cache);
    expect((await upstream.withheld(want)).map(({ reason }) => reason)).toEqual(reasons);
  });

  test.each([
    [
      "RESTRICT=mirror\nSRC_URI=mirror://old/NAME",
      "NO_SOURCE",
      /^nobody to ask for [^:]*; the ebuild .* forbids mirrors/,
    ],
    ["RESTRICT=fetch\nSRC_URI=mirror://nobody/NAME", "NOT_FOUND", /RESTRICT=fetch.* what mirror:\/\/nobody is$/],
  ])("is told where there is nobody else: %j", async (cache, code, message) => {
    const { upstream, want } = await upstreamWith(cache);
    const locating = upstream.locate(want, { method: "HEAD", headers: [], signal: noSignal() });
    await expect(locating).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});
