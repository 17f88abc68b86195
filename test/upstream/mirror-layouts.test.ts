import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { tempDir } from "../support/temp-dir.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { mirrorOf, noSignal, readAll, writeTree } from "./harness.ts";
import { FILE, FILES, labels, NAME, retrieve, upstreamOf, WANT } from "./one-file.ts";

const DAY_MS = 86_400_000;

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

  test.each([
    ["filename-hash", "a day", DAY_MS],
    ["none", "ten minutes", 600_000],
  ] as const)(
    "is asked for once, a restart between or not: where it is %s, again after %s",
    async (layout, _, lasts) => {
      let now = 0;
      const mirror = await mirrorOf(zoo.well, FILES, { layout });
      const first = await upstreamOf([mirror.url], { now: () => now });
      await labels(first);
      await labels(first);
      await first.stop();
      const second = await upstreamOf([mirror.url], { now: () => now });
      now += lasts - 1;
      await labels(second);
      expect(layoutRequests(mirror)).toBe(1);
      now += 1;
      await labels(second);
      expect(layoutRequests(mirror)).toBe(2);
      now -= lasts; // set back: who knows for how long
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
