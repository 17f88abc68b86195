import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import { Blames } from "../../src/upstream/blames.ts";
import { Health } from "../../src/upstream/health.ts";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { UpstreamSource } from "../../src/upstream/upstream-source.ts";
import { WaitingAgents } from "../../src/upstream/waiting-agents.ts";
import * as zoo from "../support/zoo/zoo.ts";

const HEADER_TIMEOUT_MS = 200;
const STALL_TIMEOUT_MS = 200;

const NAME = "foo-1.tar.xz";
const FILE = randomBytes(300_000);
const WANT: Want = { digest: digestOf(FILE), size: FILE.length, names: [NAME], packages: [] };

const client = new HttpClient({ headerTimeoutMs: HEADER_TIMEOUT_MS, stallTimeoutMs: STALL_TIMEOUT_MS });
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function mirror(behaviour: zoo.Behaviour): Promise<zoo.MockMirror> {
  const started = await zoo.startMirror(behaviour, { [NAME]: FILE });
  closing.push(started.close);
  return started;
}

function sourceAt(url: string, { health = new Health(), want = WANT } = {}): UpstreamSource {
  const candidate = { url: `${url}/distfiles/${NAME}`, origin: url };
  const waiting = new WaitingAgents({ self: "" });
  return new UpstreamSource(candidate, want, {
    client,
    health,
    blames: new Blames(),
    waiting,
    headers: [],
    now: Date.now,
  });
}

/** Retrieves from `offset`, and tells what came and how it ended. */
async function get(source: UpstreamSource, offset = 0): Promise<{ bytes: Buffer; fault?: unknown }> {
  const chunks: Buffer[] = [];
  try {
    const body = await source.open({ offset, signal: new AbortController().signal });
    for await (const chunk of body.bytes) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), fault: undefined };
  } catch (fault) {
    return { bytes: Buffer.concat(chunks), fault };
  }
}

/** Buffer equality that does not take seconds to say yes. */
function expectBytes({ bytes, fault }: { bytes: Buffer; fault?: unknown }, wanted: Buffer): void {
  expect(fault).toBeUndefined();
  expect(bytes.length).toBe(wanted.length);
  expect(bytes.equals(wanted)).toBe(true);
}

describe("a source gives the file", () => {
  const { well, chunked, noLength, ignoresRange, tooLong, wrongOffset, refusesRanges } = zoo;

  test.each(Object.entries({ well, chunked, noLength, ignoresRange, tooLong, wrongOffset, refusesRanges }))(
    "from the start, of a mirror that is: %s",
    async (_name, behaviour) => {
      const { url } = await mirror(behaviour);
      expectBytes(await get(sourceAt(url)), FILE);
    },
  );

  test.each(Object.entries({ well, chunked, noLength, ignoresRange, tooLong }))(
    "from the middle, of a mirror that is: %s",
    async (_name, behaviour) => {
      const { url } = await mirror(behaviour);
      expectBytes(await get(sourceAt(url), 100_001), FILE.subarray(100_001));
    },
  );

  test("slowly, for longer than both timeouts", async () => {
    const { url } = await mirror(zoo.slow(600_000));
    expectBytes(await get(sourceAt(url)), FILE);
  });

  test("of no bytes", async () => {
    const started = await zoo.startMirror(zoo.well, { [NAME]: Buffer.alloc(0) });
    closing.push(started.close);
    const want = { ...WANT, size: 0, digest: digestOf(Buffer.alloc(0)) };
    expectBytes(await get(sourceAt(started.url, { want })), Buffer.alloc(0));
  });

  test("after redirects, absolute and relative", async () => {
    const good = await mirror(zoo.well);
    const absolute = await mirror(zoo.redirect(`${good.url}/distfiles/${NAME}`));
    const relative = await mirror(zoo.atFirst(zoo.redirect(`../distfiles/${NAME}?again`, 307)));
    expectBytes(await get(sourceAt(absolute.url), 5), FILE.subarray(5));
    expectBytes(await get(sourceAt(relative.url)), FILE);
  });

  test("over connections that are kept, file after file", async () => {
    const { url, requests } = await mirror(zoo.well);
    for (let i = 0; i < 6; i++) await get(sourceAt(url));
    expect(new Set(requests.map(({ port }) => port)).size).toBeLessThanOrEqual(2);
  });
});

describe("a source says what is wrong, before any byte", () => {
  test.each([
    ["stallsBeforeHeaders", zoo.stallsBeforeHeaders, "HEADER_TIMEOUT"],
    ["resetsAtOnce", zoo.resetsAtOnce, "REFUSED"],
    ["wrongLength", zoo.wrongLength, "BAD_LENGTH"],
    ["htmlWith200", zoo.htmlWith200, "BAD_LENGTH"],
    ["packed", zoo.packed, "BAD_LENGTH"],
    ["redirectsForEver", zoo.redirectsForEver, "BAD_REDIRECT"],
    ["redirectsInACircle", zoo.redirectsInACircle, "BAD_REDIRECT"],
    ["says(404)", zoo.says(404), "ABSENT"],
    ["says(410)", zoo.says(410), "ABSENT"],
    ["says(403)", zoo.says(403), "BAD_STATUS"],
    ["says(500)", zoo.says(500), "BAD_STATUS"],
    ["says(504)", zoo.says(504), "BAD_STATUS"],
    ["says(204)", zoo.says(204), "BAD_STATUS"],
    ["says(429)", zoo.says(429), "BUSY"],
    ["says(503)", zoo.says(503), "BUSY"],
  ])("%s", async (_name, behaviour, code) => {
    const { url } = await mirror(behaviour);
    expect(await get(sourceAt(url))).toMatchObject({ bytes: Buffer.alloc(0), fault: { name: "SourceError", code } });
  });

  test.each([
    ["wrongOffset", zoo.wrongOffset],
    ["refusesRanges", zoo.refusesRanges],
  ])("in the middle: %s", async (_name, behaviour) => {
    const { url } = await mirror(behaviour);
    expect(await get(sourceAt(url), 1000)).toMatchObject({ bytes: Buffer.alloc(0), fault: { code: "BAD_RANGE" } });
  });

  test("a closed port", async () => {
    const url = await zoo.refusingMirror();
    expect(await get(sourceAt(url))).toMatchObject({ fault: { code: "REFUSED" } });
  });

  test("how long a busy mirror asked to be left alone", async () => {
    const { url } = await mirror(zoo.says(429, { "retry-after": "7" }));
    expect(await get(sourceAt(url))).toMatchObject({ fault: { retryAfterMs: 7000, status: 429 } });
  });
});

describe("a source that breaks off gives right bytes up to there, and says how it ended", () => {
  test.each([
    ["stallsAfterHeaders", zoo.stallsAfterHeaders, "STALLED", 0],
    ["stallsAt(1/2)", zoo.stallsAt(1 / 2), "STALLED", 150_000],
    ["cut", zoo.cut, "BROKEN", 150_000],
    ["resets", zoo.resets, "BROKEN", 0],
    ["chunkedCut", zoo.chunkedCut, "BROKEN", 150_000],
    ["noLengthCut", zoo.noLengthCut, "BROKEN", 150_000],
    ["closesAtEveryTenth", zoo.closesAtEveryTenth, "BROKEN", 30_000],
  ])("%s", async (_name, behaviour, code, atLeast) => {
    const { url } = await mirror(behaviour);
    const { bytes, fault } = await get(sourceAt(url));
    expect(fault).toMatchObject({ name: "SourceError", code });
    expect(bytes.equals(FILE.subarray(0, bytes.length))).toBe(true);
    expect(bytes.length).toBeGreaterThanOrEqual(atLeast);
  });

  test("ten requests have it all from one that closes at every tenth", async () => {
    const { url, requests } = await mirror(zoo.closesAtEveryTenth);
    let bytes = Buffer.alloc(0);
    while (bytes.length < FILE.length) bytes = Buffer.concat([bytes, (await get(sourceAt(url), bytes.length)).bytes]);
    expect(bytes.equals(FILE)).toBe(true);
    expect(requests).toHaveLength(10);
  });
});

describe("a caller that lets go", () => {
  test("before the headers gets its own reason, and the mirror is not blamed", async () => {
    const { url, asked, connections } = await mirror(zoo.stallsBeforeHeaders);
    const health = new Health();
    const caller = new AbortController();
    const opening = sourceAt(url, { health }).open({ offset: 0, signal: caller.signal });
    await asked();
    caller.abort(new Error("had enough"));
    await expect(opening).rejects.toThrow("had enough");
    await expect.poll(connections).toBe(0);
    expect(health.isAvoided(url)).toBe(false);
  });

  test("in the body gets its own reason, and the connection is freed", async () => {
    const { url, connections } = await mirror(zoo.stallsAt(1 / 2));
    const caller = new AbortController();
    const { bytes } = await sourceAt(url).open({ offset: 0, signal: caller.signal });
    const reading = (async () => {
      for await (const chunk of bytes) if (chunk.length > 0) caller.abort(new Error("had enough"));
    })();
    await expect(reading).rejects.toThrow("had enough");
    await expect.poll(connections).toBe(0);
  });

  test("by leaving the loop frees the connection too", async () => {
    const { url, connections } = await mirror(zoo.stallsAt(1 / 2));
    const { bytes } = await sourceAt(url).open({ offset: 0, signal: new AbortController().signal });
    for await (const chunk of bytes) if (chunk.length > 0) break;
    await expect.poll(connections).toBe(0);
  });
});

test("a source of which hardly anything comes speaks against its server, also where the caller lets go of it", async () => {
  const health = new Health();
  const { url } = await mirror(zoo.stallsAt(0.5));
  const source = sourceAt(url, { health });
  const left = new AbortController();
  const { bytes } = await source.open({ offset: 0, signal: left.signal });
  const reading = bytes[Symbol.asyncIterator]();
  await reading.next();
  source.outpaced();
  left.abort(new Error("others first"));
  await expect(reading.next()).rejects.toThrow("others first");
  expect(health.isAvoided(url)).toBe(true);
  expect(health.of(url)).toMatchObject({ failures: 1, problem: `${source.label}: hardly anything comes` });
});
