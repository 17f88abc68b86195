import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { FETCH, RESUME, wget } from "../support/wget.ts";
import {
  badOnes,
  chunked,
  closesAtEveryTenth,
  ignoresRange,
  noLength,
  oneWrongByte,
  redirect,
  refusesRanges,
  refusingMirror,
  resets,
  says,
  slow,
  stallsAfterHeaders,
  stallsBeforeHeaders,
  startMirror,
  well,
  wrongOffset,
  cut,
  type Behaviour,
  type MockMirror,
} from "../support/zoo/zoo.ts";

const MIB = 2 ** 20;
const medium = testFile("medium-1.0.tar.xz", 2 * MIB);
const large = testFile("large-1.0.tar.xz", 40 * MIB);

/** A short patience upstream, in ms, so that a test of patience is short. */
const SHORT_MS = 500;
/** One long enough that a busy machine does not look like one more of it. */
const LONG_MS = 4000;
/** What all but the configured patience may take on a busy machine, in ms. */
const ROOM_MS = 3000;
/** Settings of `proxy.verify_first` by what they do to {@link medium}. */
const WAITS = "16MiB";
const STREAMS = "256KiB";

const open = closeAfterEach();

async function mirrorOf(file: TestFile, behaviour: Behaviour): Promise<MockMirror> {
  const mirror = await startMirror(behaviour, { [file.name]: file.bytes }, { layout: "filename-hash" });
  open.push(mirror);
  return mirror;
}

interface Settings {
  readonly patienceMs?: number;
  readonly verifyFirst?: string;
}

async function boxWith(
  file: TestFile,
  mirrors: readonly string[],
  { patienceMs = SHORT_MS, verifyFirst = WAITS }: Settings = {},
): Promise<Box> {
  const upstream = { mirrors: [...mirrors], header_timeout: `${patienceMs}ms`, stall_timeout: `${patienceMs}ms` };
  const proxy = { verify_first: verifyFirst };
  const box = await startBox({ files: [file], config: { upstream, proxy } });
  open.push(box);
  return box;
}

function urlOf(box: Box, file: TestFile): string {
  return box.url + pathByDigest(file);
}

async function fetchByDigest(box: Box, file: TestFile): Promise<{ code: number; right: boolean; bytes: number }> {
  const to = join(box.dir, "out");
  const { code } = await wget(FETCH, urlOf(box, file), { to });
  const bytes = await readFile(to).catch(() => Buffer.alloc(0));
  return { code, right: digestOf(bytes) === file.digest, bytes: bytes.length };
}

async function stored(box: Box): Promise<number> {
  return (await box.agent.api.status()).store.blobs;
}

const right = { code: 0, right: true };

/** Of these, a streamed file comes right at the first time, too; of a wrong byte see below. */
const badWithoutWrongByte = Object.fromEntries(Object.entries(badOnes).filter(([name]) => name !== "oneWrongByte"));

describe.each([
  ["waits for its digest", WAITS, badOnes],
  ["is streamed", STREAMS, badWithoutWrongByte],
] as const)("one good mirror behind a bad one, and a file that %s: wget ends well with the right bytes", (...row) => {
  const [, verifyFirst, badOnesHere] = row;

  test.each(Object.entries(badOnesHere))("%s", async (_name, behaviour) => {
    const bad = await mirrorOf(medium, behaviour);
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [bad.url, good.url], { verifyFirst });
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
    expect(bad.files().length).toBeGreaterThan(0);
  });

  test("refusing", async () => {
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [await refusingMirror(), good.url], { verifyFirst });
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
  });

  test.each<[string, Behaviour]>([
    ["one that starts elsewhere than asked", wrongOffset],
    ["one that sends the whole file to a Range", ignoresRange],
    ["one that refuses Ranges", refusesRanges],
  ])("a break, then %s", async (_, odd) => {
    const broken = await mirrorOf(medium, resets);
    const second = await mirrorOf(medium, odd);
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [broken.url, second.url, good.url], { verifyFirst });
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
    expect(second.files()[0]!.headers.range).toMatch(/^bytes=[1-9]/);
  });

  test("the whole zoo before it", async () => {
    const bad = await Promise.all(Object.values(badOnesHere).map((behaviour) => mirrorOf(medium, behaviour)));
    const good = await mirrorOf(medium, well);
    const mirrors = [...bad.map(({ url }) => url), await refusingMirror(), good.url];
    const box = await boxWith(medium, mirrors, { verifyFirst });
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
  });
});

describe.each([
  ["waits for its digest", WAITS],
  ["is streamed", STREAMS],
])("odd, but right: the only mirror of a file that %s", (_what, verifyFirst) => {
  test.each<[string, Behaviour]>([
    ["slow", slow(4 * MIB)],
    ["no length", noLength],
    ["chunked", chunked],
    ["closing at every tenth", closesAtEveryTenth],
    ["redirecting", redirect(({ request }) => `${request.url}?once`, 302)],
  ])("%s", async (name, behaviour) => {
    const once: Behaviour = (exchange) => (exchange.request.url!.endsWith("?once") ? well : behaviour)(exchange);
    const only = await mirrorOf(medium, name === "redirecting" ? once : behaviour);
    const box = await boxWith(medium, [only.url], { verifyFirst });
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
  });
});

describe("a wrong byte", () => {
  test("in a file that waits for its digest never leaves", async () => {
    const liar = await mirrorOf(medium, oneWrongByte());
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [liar.url, good.url]);
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
    const [explained] = (await box.agent.api.explain(medium.name)).files;
    const wrong = { outcome: "WRONG_BYTES", bytes: medium.bytes.length, first_ms: expect.any(Number) as number };
    expect(explained!.attempts).toMatchObject([wrong, { outcome: "ok" }]);
    expect((await box.agent.api.status()).mirrors).toMatchObject([{ failures: 1 }, { failures: 0 }]);
  });

  test.each<[string, TestFile, string]>([
    ["of 40 MiB", large, WAITS],
    ["of 2 MiB, where so much is streamed", medium, STREAMS],
  ])(
    "in a larger file, %s: one whole wrong file, nothing stored, and the next request is right",
    async (_what, file, verifyFirst) => {
      const liar = await mirrorOf(file, oneWrongByte());
      const good = await mirrorOf(file, well);
      const box = await boxWith(file, [liar.url, good.url], { verifyFirst });
      expect(await fetchByDigest(box, file)).toEqual({ code: 0, right: false, bytes: file.bytes.length });
      expect(await stored(box)).toBe(0);
      expect(await fetchByDigest(box, file)).toMatchObject(right);
      expect(good.files()).toHaveLength(1);
    },
  );

  test("over bytes of two mirrors marks nobody, and all is fetched anew from one", async () => {
    const liar = await mirrorOf(medium, (exchange) => oneWrongByte(1 / 4)({ ...exchange }));
    liar.become((exchange) => {
      const file = Buffer.from(exchange.file);
      file[0]! ^= 1;
      return cut({ ...exchange, file });
    });
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [liar.url, good.url]);
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
    const [explained] = (await box.agent.api.explain(medium.name)).files;
    expect(explained!.attempts.some(({ outcome }) => outcome === "WRONG_BYTES")).toBe(false);
    expect(good.files().at(-1)!.headers.range).toBeUndefined();
  });
});

interface Refusal {
  readonly code: number;
  /** That of every answer that wget had. */
  readonly statuses: readonly number[];
  readonly retryAfter: string | undefined;
  readonly body: string;
  readonly ms: number;
}

/** Asks as Portage's wget does, which is also told to show what it would throw away: headers, and the body of an error. */
async function askInVain(box: Box, file: TestFile): Promise<Refusal> {
  const to = join(box.dir, "refused");
  const began = performance.now();
  const { code, output } = await wget([...FETCH, "-S", "--content-on-error"], urlOf(box, file), { to });
  const ms = performance.now() - began;
  const statuses = [...output.matchAll(/^ *HTTP\/1\.1 ([2-5]\d\d)/gm)].map(([, status]) => Number(status));
  const retryAfter = /^ *Retry-After: (.*)$/im.exec(output)?.[1];
  return { code, statuses, retryAfter, body: await readFile(to, "latin1"), ms };
}

describe("with no good source", () => {
  test.each<[string, Behaviour, number, number]>([
    ["404 everywhere", says(404), 404, 0],
    ["410", says(410), 404, 0],
    ["500", says(500), 502, 0],
    ["504, which is never handed on", says(504), 502, 0],
    ["503", says(503, { "retry-after": "7" }), 503, 0],
    ["429", says(429), 503, 0],
    ["a wrong byte", oneWrongByte(), 502, 0],
    ["silence", stallsBeforeHeaders, 502, LONG_MS],
    ["silence after the headers", stallsAfterHeaders, 502, LONG_MS],
    ["403", says(403), 502, 0],
  ])(
    "%s: wget gets one answer, with a status, in time, and nothing is stored; then it is asked again",
    async (_what, behaviour, status, patienceMs) => {
      const bad = await mirrorOf(medium, behaviour);
      const box = await boxWith(medium, [bad.url], { patienceMs: LONG_MS });
      const refusal = await askInVain(box, medium);
      expect(refusal).toMatchObject({ code: 8, statuses: [status] });
      expect(refusal.ms).toBeLessThan(patienceMs + ROOM_MS);
      expect(refusal.body).toContain(bad.url);
      expect(await stored(box)).toBe(0);
      if (status === 503) expect(refusal.retryAfter).toMatch(/^\d+$/);
      bad.become(well);
      // 'nobody has it' is remembered for a moment, and who asks to be left alone is; a failure is not
      const isRemembered = status === 404 || refusal.retryAfter === "7";
      expect(await fetchByDigest(box, medium)).toMatchObject(isRemembered ? { code: 8, bytes: 0 } : right);
    },
  );

  test("wget itself goes on at once", async () => {
    const bad = await mirrorOf(medium, says(504));
    const box = await boxWith(medium, [bad.url]);
    expect(await fetchByDigest(box, medium)).toMatchObject({ code: 8, bytes: 0 });
  });

  test("a streamed file that breaks for good is seen as broken, and is resumed later", async () => {
    const bad = await mirrorOf(large, cut);
    const box = await boxWith(large, [bad.url]);
    const to = join(box.dir, "out");
    const url = urlOf(box, large);
    bad.become((exchange) => (exchange.request.headers.range ? says(404) : cut)(exchange));
    expect((await wget(["-t", "1"], url, { to })).code).not.toBe(0);
    bad.become(well);
    expect((await wget(RESUME, url, { to })).code).toBe(0);
    expect(digestOf(await readFile(to))).toBe(large.digest);
    expect(bad.files().at(-1)!.headers.range).toMatch(/^bytes=[1-9]/);
  });
});
