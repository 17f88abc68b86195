import { randomBytes } from "node:crypto";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Database } from "../../src/core/database.ts";
import { digestOf } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import { SourceError, type DistswarmError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { MirrorRequest } from "../../src/core/upstream.ts";
import { UpstreamMirrors, type UpstreamMirrorsOptions } from "../../src/upstream/upstream-mirrors.ts";
import { tempDir } from "../support/temp-dir.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { closeAfter, mirrorOf, noSignal, readAll, tempDatabase, writeTree } from "./harness.ts";

const NAME = "foo+1.tar.xz";
const FILE = randomBytes(10_000);
const FILES = { [NAME]: FILE };
const WANT: Want = { digest: digestOf(FILE), size: FILE.length, names: [NAME], packages: [] };
const AGENT = "distswarm-00000001";
const DAY_MS = 86_400_000;
const TIMEOUTS = { headerTimeoutMs: 200, stallTimeoutMs: 200 };

let db: Database;
beforeEach(async () => {
  db = await tempDatabase();
});

async function upstreamOf(mirrors: readonly string[], options: UpstreamMirrorsOptions = {}): Promise<UpstreamMirrors> {
  const upstream = new UpstreamMirrors({ db, log: silentLogger }, { mirrors, ...TIMEOUTS, ...options });
  await upstream.start();
  closeAfter(() => upstream.stop());
  return upstream;
}

/** Labels of the sources, in their order, without asking any of them. */
async function labels(upstream: UpstreamMirrors, want: Want = WANT): Promise<string[]> {
  const found: string[] = [];
  for await (const { label } of upstream.sources(want, { signal: noSignal() })) found.push(label);
  return found;
}

/** Tries source after source until one gives it all. */
async function retrieve(upstream: UpstreamMirrors, want: Want = WANT): Promise<{ got?: Buffer; faults: string[] }> {
  const faults: string[] = [];
  for await (const source of upstream.sources(want, { signal: noSignal() })) {
    try {
      return { got: await readAll((await source.open({ offset: 0, signal: noSignal() })).bytes), faults };
    } catch (error) {
      faults.push((error as SourceError).code);
    }
  }
  return { faults };
}

describe("a mirror is asked by its own layout", () => {
  test.each([
    ["none", /^\/distfiles\/foo%2B1\.tar\.xz$/],
    ["flat", /^\/distfiles\/foo%2B1\.tar\.xz$/],
    ["filename-hash", /^\/distfiles\/[0-9a-f]{2}\/foo%2B1\.tar\.xz$/],
    ["content-hash", new RegExp(`^/distfiles/${WANT.digest.slice(0, 2)}/${WANT.digest}$`)],
  ] as const)("%s", async (layout, path) => {
    const mirror = await mirrorOf(zoo.well, FILES, { layout });
    const { got, faults } = await retrieve(await upstreamOf([mirror.url]));
    expect(faults).toEqual([]);
    expect(got?.equals(FILE)).toBe(true);
    expect(mirror.files().map(({ url }) => url)).toEqual([expect.stringMatching(path)]);
  });

  test("content-hash without any name", async () => {
    const mirror = await mirrorOf(zoo.well, FILES, { layout: "content-hash" });
    const { got } = await retrieve(await upstreamOf([mirror.url]), { ...WANT, names: [] });
    expect(got?.equals(FILE)).toBe(true);
  });

  test("by every name that the file goes by", async () => {
    const mirror = await mirrorOf(zoo.well, FILES);
    const { got, faults } = await retrieve(await upstreamOf([mirror.url]), { ...WANT, names: ["bar.tar.xz", NAME] });
    expect(faults).toEqual(["ABSENT"]);
    expect(got?.equals(FILE)).toBe(true);
  });

  test("as an agent with a name of its own, and without compression", async () => {
    const mirror = await mirrorOf(zoo.well, FILES);
    await retrieve(await upstreamOf([mirror.url], { version: "1.2.3", via: "box" }));
    for (const { headers } of mirror.requests) {
      expect(headers).toMatchObject({ "user-agent": "distswarm/1.2.3", "accept-encoding": "identity", via: "1.1 box" });
    }
  });

  test("in a directory of this box, without quotes and without distfiles/", async () => {
    const dir = await tempDir();
    await writeTree(dir, { [NAME]: FILE });
    const { got } = await retrieve(await upstreamOf([`file://${dir}/`]));
    expect(got?.equals(FILE)).toBe(true);
    const hashed = await tempDir();
    await writeTree(hashed, {
      "layout.conf": "[structure]\n0=content-hash BLAKE2B 8\n",
      [`${WANT.digest.slice(0, 2)}/${WANT.digest}`]: FILE,
    });
    expect((await retrieve(await upstreamOf([hashed]))).got?.equals(FILE)).toBe(true);
    expect((await retrieve(await upstreamOf([dir]), { ...WANT, names: ["lacking"] })).faults).toEqual(["ABSENT"]);
  });

  test.each([
    ["longer", 1],
    ["shorter", -1],
  ])(
    "in a directory, where a file that became %s since it was opened gives right bytes, or breaks off",
    async (_, by) => {
      const dir = await tempDir();
      await writeTree(dir, { [NAME]: FILE });
      const upstream = await upstreamOf([dir]);
      for await (const source of upstream.sources(WANT, { signal: noSignal() })) {
        const { bytes } = await source.open({ offset: 100, signal: noSignal() });
        await truncate(join(dir, NAME), FILE.length + by);
        const reading = readAll(bytes);
        if (by > 0) expect((await reading).equals(FILE.subarray(100))).toBe(true);
        else await expect(reading).rejects.toMatchObject({ code: "BROKEN" });
        expect(upstream.mirrorStatus()).toMatchObject([{ failures: by > 0 ? 0 : 1 }]);
      }
    },
  );

  test("in a directory that is none, as where there is nothing", async () => {
    const dir = await tempDir();
    await writeTree(dir, { "layout.conf": "[structure]\n0=filename-hash BLAKE2B 8\n" });
    const hash = digestOf(Buffer.from(NAME)).slice(0, 2);
    await writeTree(dir, { [hash]: "a file where a directory should be" });
    expect((await retrieve(await upstreamOf([dir]))).faults).toEqual(["ABSENT"]);
  });

  test("only where it is http, https or a path: another one is left out", async () => {
    const mirror = await mirrorOf(zoo.well, FILES);
    const upstream = await upstreamOf(["ftp://ftp.example/gentoo", "rsync://r.example/gentoo", "nonsense", mirror.url]);
    expect(await labels(upstream)).toEqual([expect.stringContaining(mirror.url)]);
  });
});

describe("layout.conf", () => {
  const layoutRequests = ({ requests }: zoo.MockMirror): number =>
    requests.filter(({ url }) => url.endsWith("/layout.conf")).length;

  test.each(["filename-hash", "none"] as const)(
    "is asked for once a day, a restart between or not: %s",
    async (layout) => {
      let now = 0;
      const mirror = await mirrorOf(zoo.well, FILES, { layout });
      const first = await upstreamOf([mirror.url], { now: () => now });
      await labels(first);
      await labels(first);
      await first.stop();
      const second = await upstreamOf([mirror.url], { now: () => now });
      await labels(second);
      expect(layoutRequests(mirror)).toBe(1);
      now += DAY_MS;
      await labels(second);
      expect(layoutRequests(mirror)).toBe(2);
      now -= DAY_MS; // set back: who knows for how long
      await labels(second);
      expect(layoutRequests(mirror)).toBe(3);
    },
  );

  test("is asked for once by all who need it at the same time", async () => {
    const mirror = await mirrorOf(zoo.well, FILES, { layout: "flat", layoutBehaviour: zoo.slow(1000) });
    const upstream = await upstreamOf([mirror.url]);
    await Promise.all(Array.from({ length: 20 }, () => labels(upstream)));
    expect(layoutRequests(mirror)).toBe(1);
  });

  test("that fails is guessed, first as Gentoo's mirrors have it, then flat; and asked for again after a minute", async () => {
    let now = 0;
    const layoutBehaviour = zoo.atFirst(zoo.says(500), 1, zoo.well);
    const mirror = await mirrorOf(zoo.well, FILES, { layout: "flat", layoutBehaviour });
    const upstream = await upstreamOf([mirror.url], { elapsed: () => now });
    const { got, faults } = await retrieve(upstream);
    expect(got?.equals(FILE)).toBe(true);
    expect(faults).toEqual(["ABSENT"]);
    expect(layoutRequests(mirror)).toBe(1);
    now += 60_000;
    expect(await retrieve(upstream)).toMatchObject({ faults: [] });
    expect(layoutRequests(mirror)).toBe(2);
  });

  test("that is missing is let go of, however long the page that says so", async () => {
    let isOver = false;
    const layoutBehaviour: zoo.Behaviour = ({ response }) => {
      response.writeHead(404);
      const timer = setInterval(() => response.write("not found"), 20);
      response.once("close", () => {
        clearInterval(timer);
        isOver = true;
      });
    };
    const mirror = await mirrorOf(zoo.well, FILES, { layoutBehaviour });
    expect((await retrieve(await upstreamOf([mirror.url]))).got?.equals(FILE)).toBe(true);
    await expect.poll(() => isOver).toBe(true);
  });

  test("that is a page of HTML is no layout", async () => {
    const mirror = await mirrorOf(zoo.well, FILES, { layout: "filename-hash", layoutBehaviour: zoo.htmlWith200 });
    const { got, faults } = await retrieve(await upstreamOf([mirror.url]));
    expect(got?.equals(FILE)).toBe(true);
    expect(faults).toEqual([]);
  });

  test("that never comes costs no more than a header timeout, and the next mirror is asked", async () => {
    const dead = await mirrorOf(zoo.stallsBeforeHeaders, FILES, {
      layout: "flat",
      layoutBehaviour: zoo.stallsBeforeHeaders,
    });
    const good = await mirrorOf(zoo.well, FILES);
    const { got, faults } = await retrieve(await upstreamOf([dead.url, good.url]));
    expect(got?.equals(FILE)).toBe(true);
    expect(faults).toEqual([]);
    expect(dead.requests).toHaveLength(1);
  });

  test("that stalls in its body is not waited for either", async () => {
    const layoutBehaviour = zoo.stallsAfterHeaders;
    const mirror = await mirrorOf(zoo.well, FILES, { layout: "filename-hash", layoutBehaviour });
    const upstream = await upstreamOf([mirror.url], { stallTimeoutMs: 60_000 });
    const { got, faults } = await retrieve(upstream);
    expect(got?.equals(FILE)).toBe(true);
    expect(faults).toEqual([]);
  });

  test("does not hold up a caller who lets go", async () => {
    const layoutBehaviour = zoo.stallsBeforeHeaders;
    const mirror = await mirrorOf(zoo.well, FILES, { layout: "flat", layoutBehaviour });
    const upstream = await upstreamOf([mirror.url], { headerTimeoutMs: 60_000 });
    const signal = AbortSignal.abort(new Error("had enough"));
    await expect(upstream.sources(WANT, { signal }).next()).rejects.toThrow("had enough");
  });
});

describe("the order of the sources", () => {
  const cacheEntry = (extra: string): Record<string, string> => ({
    "app-misc/foo/foo-1.ebuild": "",
    "metadata/md5-cache/app-misc/foo-1": `${extra}\n`,
    "profiles/thirdpartymirrors": "own http://t.example/own\n",
  });

  async function repoWith(files: Record<string, string>): Promise<string> {
    const dir = await tempDir();
    await writeTree(dir, files);
    return dir;
  }

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

describe("what of SRC_URI nobody is asked for", () => {
  const THIRD_PARTY =
    "own http://t.example\nold ftp://f.example rsync://r.example\nmixed ftp://f.example http://t.example\n";

  async function upstreamWith(cache: string): Promise<{ upstream: UpstreamMirrors; want: Want }> {
    const repo = await tempDir();
    await writeTree(repo, {
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

describe("mirrors that fail", () => {
  test("are asked after the others for a while, whatever the clock is set to, and forgiven", async () => {
    let [date, now] = [DAY_MS, 0];
    const bad = await mirrorOf(zoo.says(500), FILES);
    const good = await mirrorOf(zoo.well, FILES);
    const upstream = await upstreamOf([bad.url, good.url], { now: () => date, elapsed: () => now });
    expect((await retrieve(upstream)).faults).toEqual(["BAD_STATUS"]);
    expect((await retrieve(upstream)).faults).toEqual([]);
    bad.become(zoo.well);
    date -= DAY_MS;
    now += 30_000;
    expect((await labels(upstream))[0]).toContain(bad.url);
    expect((await retrieve(upstream)).faults).toEqual([]);
    expect(good.files()).toHaveLength(2);
  });

  test("one and all are tried again at once, in their order", async () => {
    const mirrors = [await mirrorOf(zoo.says(500), FILES), await mirrorOf(zoo.cut, FILES)];
    const upstream = await upstreamOf(mirrors.map(({ url }) => url));
    expect((await retrieve(upstream)).faults).toEqual(["BAD_STATUS", "BROKEN"]);
    expect((await retrieve(upstream)).faults).toEqual(["BAD_STATUS", "BROKEN"]);
  });

  test.each([
    ["to a request that names nobody are left alone", [], { faults: ["BAD_STATUS"] }, 1],
    ["to one that names who waits here are not: they may wait for us", [AGENT], { faults: ["LOOP"] }, 0],
  ])("with 508 %s", async (_, agents, expected, failures) => {
    const mirror = await mirrorOf(zoo.says(508), FILES);
    const upstream = await upstreamOf([mirror.url]);
    upstream.waits(WANT.digest, agents);
    expect(await retrieve(upstream)).toEqual(expected);
    expect(upstream.mirrorStatus()).toMatchObject([{ failures }]);
  });

  test("with 508 to what an agent asks for by name are not left alone either", async () => {
    const mirror = await mirrorOf(zoo.says(508), FILES);
    const upstream = await upstreamOf([mirror.url]);
    const asked = upstream.distfile(NAME, { method: "GET", headers: ["via", `1.1 ${AGENT}`], signal: noSignal() });
    await expect(asked).rejects.toMatchObject({ code: "NO_SOURCE", message: expect.stringContaining("waits here") });
    expect(upstream.mirrorStatus()).toMatchObject([{ failures: 0 }]);
  });

  test("for one file keep their place for the others", async () => {
    const first = await mirrorOf(zoo.lacks([NAME]), FILES);
    const second = await mirrorOf(zoo.well, FILES);
    const upstream = await upstreamOf([first.url, second.url]);
    expect((await retrieve(upstream)).faults).toEqual(["ABSENT"]);
    expect((await labels(upstream))[0]).toContain(first.url);
  });

  test("by wrong bytes are asked last for that blob, and as before for another", async () => {
    const first = await mirrorOf(zoo.oneWrongByte(), FILES);
    const second = await mirrorOf(zoo.well, FILES);
    const upstream = await upstreamOf([first.url, second.url]);
    for await (const source of upstream.sources(WANT, { signal: noSignal() })) {
      source.blame(new SourceError("WRONG_BYTES", "wrong"));
      break;
    }
    expect((await labels(upstream))[0]).toContain(second.url);
    expect((await labels(upstream))[1]).toContain(first.url);
    const other = { ...WANT, digest: digestOf(Buffer.from("other")) };
    expect((await labels(upstream, other))[0]).toContain(first.url);
  });

  test("show it in their status, and good ones what they gave", async () => {
    const bad = await mirrorOf(zoo.says(503, { "retry-after": "120" }), FILES, { layout: "flat" });
    const good = await mirrorOf(zoo.well, FILES, { layout: "filename-hash" });
    const upstream = await upstreamOf([bad.url, good.url], { now: () => 0, elapsed: () => 0 });
    await retrieve(upstream);
    expect(upstream.mirrorStatus()).toEqual([
      {
        url: bad.url,
        layout: "flat",
        requests: 2,
        failures: 1,
        bytes: 0,
        avoided_until: "1970-01-01T00:02:00.000Z",
        problem: expect.stringContaining("answered 503"),
      },
      { url: good.url, layout: "filename-hash", requests: 2, failures: 0, bytes: FILE.length },
    ]);
  });
});

describe("what no Manifest knows", () => {
  const request = (headers: string[] = [], method: "GET" | "HEAD" = "GET"): MirrorRequest => ({
    method,
    headers,
    signal: noSignal(),
  });

  test("comes from the first mirror that has it, by name", async () => {
    const lacking = await mirrorOf(zoo.well, {}, { layout: "flat" });
    const having = await mirrorOf(zoo.well, FILES, { layout: "filename-hash" });
    const upstream = await upstreamOf([lacking.url, having.url]);
    const answer = await upstream.distfile(NAME, request(["Range", "bytes=10-19", "User-Agent", "wget"]));
    expect(answer.status).toBe(206);
    expect(answer.headers["content-range"]).toBe(`bytes 10-19/${FILE.length}`);
    expect((await readAll(answer.body)).equals(FILE.subarray(10, 20))).toBe(true);
    expect(having.files()[0]?.headers).toMatchObject({ "user-agent": "wget", range: "bytes=10-19" });
  });

  test("comes by path, query and all; 416 and 304 are answers", async () => {
    const path = "/snapshots/gentoo-20261119.tar.xz";
    const mirror = await mirrorOf(zoo.well, { [path]: FILE });
    const upstream = await upstreamOf([mirror.url]);
    const answer = await upstream.mirrorPath(`${path}?x=1`, request());
    expect((await readAll(answer.body)).equals(FILE)).toBe(true);
    expect(mirror.requests[0]?.url).toBe(`${path}?x=1`);
    expect((await upstream.mirrorPath(path, request(["Range", `bytes=${FILE.length}-`]))).status).toBe(416);
    expect((await upstream.mirrorPath(path, request([], "HEAD"))).headers["content-length"]).toBe(String(FILE.length));
  });

  test("comes by path from no local mirror of /etc/portage/mirrors, which emerge-webrsync does not read", async () => {
    const path = "/snapshots/gentoo-20261119.tar.xz";
    const [local, mirror] = [await mirrorOf(zoo.well, { [path]: FILE }), await mirrorOf(zoo.well, { [path]: FILE })];
    const upstream = await upstreamOf([mirror.url], { customMirrors: [`local ${local.url}`] });
    expect((await upstream.mirrorPath(path, request())).url).toBe(`${mirror.url}${path}`);
    const both = await upstreamOf([local.url], { customMirrors: [`local ${local.url}/`] });
    expect((await both.mirrorPath(path, request())).url).toBe(`${local.url}${path}`);
    expect(both.mirrorStatus()).toHaveLength(1);
  });

  test("does not come from a URL that gave wrong bytes, be it a mirror's own or the end of its redirect", async () => {
    const path = "/snapshots/gentoo-20261119.tar.xz";
    const wrong = await mirrorOf(zoo.well, { [path]: FILE });
    const redirecting = await mirrorOf(zoo.redirect(`${wrong.url}${path}`), { [path]: FILE });
    const right = await mirrorOf(zoo.well, { [path]: FILE });
    const avoid = [`${wrong.url}${path}`];
    const upstream = await upstreamOf([wrong.url, redirecting.url, right.url]);
    expect((await upstream.mirrorPath(path, { ...request(), avoid })).url).toBe(`${right.url}${path}`);
    expect(wrong.files()).toHaveLength(1); // by way of the redirect
    const none = await upstreamOf([wrong.url]);
    await expect(none.mirrorPath(path, { ...request(), avoid })).rejects.toMatchObject({ code: "NO_SOURCE" });
  });

  test("is NOT_FOUND only when every mirror says so", async () => {
    const lacking = await mirrorOf(zoo.well, {});
    const upstream = await upstreamOf([lacking.url]);
    await expect(upstream.mirrorPath("/snapshots/x", request())).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(upstream.distfile("x", request())).rejects.toMatchObject({ code: "NOT_FOUND" });
    const refusing = await zoo.refusingMirror();
    const half = await upstreamOf([lacking.url, refusing]);
    await expect(half.mirrorPath("/snapshots/x", request())).rejects.toMatchObject({
      code: "NO_SOURCE",
      facts: { tried: [expect.stringContaining("404"), expect.stringContaining(refusing)] },
    });
    const none = await upstreamOf([]);
    await expect(none.distfile("x", request())).rejects.toMatchObject({ code: "NO_SOURCE" });
  });

  test("is busy when all that failed only asked to be left alone, and they are", async () => {
    const path = "/snapshots/x";
    const lacking = await mirrorOf(zoo.well, {});
    const busy = await mirrorOf(zoo.says(503, { "retry-after": "9" }), { [path]: FILE });
    const busier = await mirrorOf(zoo.says(429, { "retry-after": "60" }), { [path]: FILE });
    const upstream = await upstreamOf([lacking.url, busy.url, busier.url]);
    for (const time of [1, 2]) {
      const error = await upstream.mirrorPath(path, request()).catch((reason: unknown) => reason as DistswarmError);
      expect(error).toMatchObject({ code: "NO_SOURCE", facts: { busy: true } });
      const { retryAfterMs } = (error as DistswarmError).facts;
      expect(retryAfterMs).toBeGreaterThan(7000);
      expect(retryAfterMs).toBeLessThanOrEqual(9000);
      expect([lacking, busy, busier].map((mirror) => mirror.files().length)).toEqual([time, 1, 1]);
    }
    const mixed = await upstreamOf([busy.url, await zoo.refusingMirror()]);
    await expect(mixed.mirrorPath(path, request())).rejects.toMatchObject({ facts: { busy: false } });
  });
});

describe("what a Manifest knows is located", () => {
  const head = (): MirrorRequest => ({ method: "HEAD", headers: [], signal: noSignal() });

  test("wherever it may be had, by a server that has it with the right length", async () => {
    const lacking = await mirrorOf(zoo.well, {});
    const longer = await mirrorOf(zoo.well, { [NAME]: Buffer.concat([FILE, FILE]) });
    const host = await mirrorOf(zoo.well, { [`/dl/${NAME}`]: FILE });
    const upstream = await upstreamOf([lacking.url, longer.url]);
    const url = `${host.url}/dl/${NAME}`;
    expect(await upstream.locate({ ...WANT, urls: [url] }, head())).toMatchObject({ status: 200, url });
    expect(host.requests.map(({ method }) => method)).toEqual(["HEAD"]);
    await expect(upstream.locate(WANT, head())).rejects.toMatchObject({ code: "NO_SOURCE" });
    const absent = await upstreamOf([lacking.url]);
    await expect(absent.locate(WANT, head())).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test.each([403, 405, 501])("by GET where HEAD is refused with %i, without its body", async (status) => {
    const mirror = await mirrorOf(zoo.refusesHead(status), FILES);
    const upstream = await upstreamOf([mirror.url]);
    expect(await upstream.locate(WANT, head())).toMatchObject({ status: 200, body: { destroyed: true } });
    const ranged = { ...head(), headers: ["Range", "bytes=1-"] };
    expect((await upstream.distfile(NAME, ranged)).headers["content-length"]).toBe(String(FILE.length));
    expect(mirror.files().map(({ method }) => method)).toEqual(["HEAD", "GET", "HEAD", "GET"]);
    expect(upstream.mirrorStatus()).toMatchObject([{ failures: 0 }]);
    mirror.become(zoo.says(status));
    await expect(upstream.locate(WANT, head())).rejects.toMatchObject({ code: "NO_SOURCE" });
  });
});

test("a URL is a mirror's if it lies below one", async () => {
  const upstream = await upstreamOf(["http://a.example/gentoo/", "https://b.example"]);
  const isMirror = (url: string): boolean => upstream.isMirror(new URL(url));
  expect(isMirror("http://a.example/gentoo/distfiles/ab/x")).toBe(true);
  expect(isMirror("http://a.example/gentoo2/x")).toBe(false);
  expect(isMirror("http://a.example:81/gentoo/x")).toBe(false);
  expect(isMirror("http://b.example/distfiles/x")).toBe(true);
  expect(isMirror("http://c.example/distfiles/x")).toBe(false);
});

describe("what the ebuilds of a package say", () => {
  const CACHE = "metadata/md5-cache/app-misc/foo-1";

  async function repoOf(files: Record<string, string>): Promise<string> {
    const repo = await tempDir();
    await writeTree(repo, files);
    return repo;
  }

  test("holds for 10 s for the files that they named, and is read again for any other", async () => {
    let now = 0;
    const repo = await repoOf({ "app-misc/foo/foo-1.ebuild": "", [CACHE]: `SRC_URI=http://old.example/${NAME}\n` });
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
    const repo = await repoOf(Object.fromEntries(texts) as Record<string, string>);
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
    const repo = await repoOf({
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
