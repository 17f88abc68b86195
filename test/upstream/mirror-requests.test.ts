import { describe, expect, test } from "vitest";
import type { DistswarmError } from "../../src/core/errors.ts";
import type { MirrorRequest } from "../../src/core/upstream.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { mirrorOf, noSignal, readAll } from "./harness.ts";
import { FILE, FILES, NAME, upstreamOf, WANT } from "./one-file.ts";

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
