import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { testFile, type TestFile } from "../support/repository.ts";
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
/** One long enough that a busy machine does not look like several of it. */
const LONG_MS = 4000;

const open = closeAfterEach();

async function mirrorOf(file: TestFile, behaviour: Behaviour): Promise<MockMirror> {
  const mirror = await startMirror(behaviour, { [file.name]: file.bytes }, { layout: "filename-hash" });
  open.push(mirror);
  return mirror;
}

async function boxWith(file: TestFile, mirrors: readonly string[], patienceMs = SHORT_MS): Promise<Box> {
  const upstream = { mirrors: [...mirrors], header_timeout: `${patienceMs}ms`, stall_timeout: `${patienceMs}ms` };
  const box = await startBox({ files: [file], config: { upstream } });
  open.push(box);
  return box;
}

async function fetchByDigest(box: Box, file: TestFile): Promise<{ code: number; right: boolean; bytes: number }> {
  const to = join(box.dir, "out");
  const { code } = await wget(FETCH, `${box.url}/distfiles/${file.digest.slice(0, 2)}/${file.digest}`, { to });
  const bytes = await readFile(to).catch(() => Buffer.alloc(0));
  return { code, right: digestOf(bytes) === file.digest, bytes: bytes.length };
}

async function stored(box: Box): Promise<number> {
  return (await box.agent.api.status()).store.blobs;
}

const right = { code: 0, right: true };

describe("one good mirror behind a bad one: wget ends well with the right bytes", () => {
  test.each(Object.keys(badOnes))("%s", async (name) => {
    const bad = await mirrorOf(medium, badOnes[name]!);
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [bad.url, good.url]);
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
    expect(bad.files().length).toBeGreaterThan(0);
  });

  test("refusing", async () => {
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [await refusingMirror(), good.url]);
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
    const box = await boxWith(medium, [broken.url, second.url, good.url]);
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
    expect(second.files()[0]!.headers.range).toMatch(/^bytes=[1-9]/);
  });

  test("the whole zoo before it", async () => {
    const bad = await Promise.all(Object.values(badOnes).map((behaviour) => mirrorOf(medium, behaviour)));
    const good = await mirrorOf(medium, well);
    const box = await boxWith(medium, [...bad.map(({ url }) => url), await refusingMirror(), good.url]);
    expect(await fetchByDigest(box, medium)).toMatchObject(right);
  });
});

describe("odd, but right: the only mirror", () => {
  test.each<[string, Behaviour]>([
    ["slow", slow(4 * MIB)],
    ["no length", noLength],
    ["chunked", chunked],
    ["closing at every tenth", closesAtEveryTenth],
    ["redirecting", redirect(({ request }) => `${request.url}?once`, 302)],
  ])("%s", async (name, behaviour) => {
    const once: Behaviour = (exchange) => (exchange.request.url!.endsWith("?once") ? well : behaviour)(exchange);
    const only = await mirrorOf(medium, name === "redirecting" ? once : behaviour);
    const box = await boxWith(medium, [only.url]);
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

  test("in a larger file: one whole wrong file, nothing stored, and the next request is right", async () => {
    const liar = await mirrorOf(large, oneWrongByte());
    const good = await mirrorOf(large, well);
    const box = await boxWith(large, [liar.url, good.url]);
    expect(await fetchByDigest(box, large)).toEqual({ code: 0, right: false, bytes: large.bytes.length });
    expect(await stored(box)).toBe(0);
    expect(await fetchByDigest(box, large)).toMatchObject(right);
    expect(good.files()).toHaveLength(1);
  });

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

describe("with no good source", () => {
  test.each<[string, Behaviour, number]>([
    ["404 everywhere", says(404), 404],
    ["410", says(410), 404],
    ["500", says(500), 502],
    ["504, which is never handed on", says(504), 502],
    ["503", says(503, { "retry-after": "7" }), 503],
    ["429", says(429), 503],
    ["a wrong byte", oneWrongByte(), 502],
    ["silence", stallsBeforeHeaders, 502],
    ["silence after the headers", stallsAfterHeaders, 502],
    ["403", says(403), 502],
  ])(
    "%s: the client gets a status, in time, and nothing is stored; then it is asked again",
    async (_, behaviour, status) => {
      const bad = await mirrorOf(medium, behaviour);
      const box = await boxWith(medium, [bad.url], LONG_MS);
      const url = `${box.url}/distfiles/${medium.digest.slice(0, 2)}/${medium.digest}`;
      const answer = await fetch(url, { signal: AbortSignal.timeout(3 * LONG_MS) });
      expect(answer.status).toBe(status);
      expect(await answer.text()).toContain(bad.url);
      expect(await stored(box)).toBe(0);
      if (status === 503) expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
      bad.become(well);
      const again = await fetch(url);
      // 'nobody has it' is remembered for a moment, and who asks to be left alone is; a failure is not
      const remembered = status === 404 || answer.headers.get("retry-after") === "7";
      expect(again.status).toBe(remembered ? status : 200);
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
    const url = `${box.url}/distfiles/${large.digest.slice(0, 2)}/${large.digest}`;
    bad.become((exchange) => (exchange.request.headers.range ? says(404) : cut)(exchange));
    expect((await wget(["-t", "1"], url, { to })).code).not.toBe(0);
    bad.become(well);
    expect((await wget(RESUME, url, { to })).code).toBe(0);
    expect(digestOf(await readFile(to))).toBe(large.digest);
    expect(bad.files().at(-1)!.headers.range).toMatch(/^bytes=[1-9]/);
  });
});
