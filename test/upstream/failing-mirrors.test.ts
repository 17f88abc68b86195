import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { mirrorOf, noSignal } from "./harness.ts";
import { FILE, FILES, labels, NAME, retrieve, upstreamOf, WANT } from "./one-file.ts";

const AGENT = "distswarm-00000001";
const DAY_MS = 86_400_000;

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

  test("to begin in time are left, be they mirrors or servers of SRC_URI", async () => {
    const silent = await mirrorOf(zoo.stallsBeforeHeaders, FILES);
    const named = { ...WANT, urls: [`${silent.url}/distfiles/${NAME}`] };
    expect((await retrieve(await upstreamOf([silent.url]))).faults).toEqual(["HEADER_TIMEOUT"]);
    expect((await retrieve(await upstreamOf([]), named)).faults).toEqual(["HEADER_TIMEOUT"]);
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
      source.blame();
      break;
    }
    expect((await labels(upstream))[0]).toContain(second.url);
    expect((await labels(upstream))[1]).toContain(first.url);
    expect(upstream.mirrorStatus().map(({ failures }) => failures)).toEqual([1, 0]);
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

test("a mirror with a user and a password in its URL is asked with them, and shown without", async () => {
  const closed: zoo.Behaviour = (exchange) =>
    exchange.request.headers.authorization === undefined ? zoo.says(401)(exchange) : zoo.well(exchange);
  const mirror = await mirrorOf(closed, FILES);
  const upstream = await upstreamOf([mirror.url.replace("//", "//me:secret@")]);
  expect((await retrieve(upstream)).got?.equals(FILE)).toBe(true);
  expect([...(await labels(upstream)), JSON.stringify(upstream.mirrorStatus())].join()).not.toContain("secret");
  const request = { method: "GET" as const, headers: [], signal: noSignal() };
  const answer = await upstream.distfile(NAME, request);
  answer.body.resume();
  await expect(upstream.distfile(NAME, { ...request, avoid: [answer.url] })).rejects.toThrow("gave wrong bytes before");
});
