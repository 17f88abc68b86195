import { describe, expect, test } from "vitest";
import { startBox, type Box, type BoxOptions } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { oneWrongByte, slow, startMirror, well, type MockMirror } from "../support/zoo/zoo.ts";

const MIB = 2 ** 20;
const files = [
  testFile("first-1.0.tar.xz", 300_000),
  testFile("second-1.0.tar.xz", 3 * MIB),
  testFile("third.tar.xz", 70_000),
];
const large = testFile("large-1.0.tar.xz", 24 * MIB);
const all = [...files, large];

const open = closeAfterEach();

async function mirrorOfAll(): Promise<MockMirror> {
  const mirror = await startMirror(well, Object.fromEntries(all.map(({ name, bytes }) => [name, bytes])));
  open.push(mirror);
  return mirror;
}

async function box(options: BoxOptions): Promise<Box> {
  const started = await startBox({ files: all, ...options });
  open.push(started);
  return started;
}

/** Two boxes of one network, on one machine: the second one is told where the first one is. */
async function twoBoxes(mirror: MockMirror): Promise<[Box, Box]> {
  const first = await box({ mirrors: [mirror.url] });
  const { host, port } = first.config.swarm.listen;
  const second = await box({ mirrors: [mirror.url], config: { swarm: { peers: [`${host}:${port}`] } } });
  await second.agent.api.join(await first.agent.api.invite());
  await expect.poll(() => peersOf(first), { timeout: 10_000 }).toHaveLength(1);
  await expect.poll(() => peersOf(second), { timeout: 10_000 }).toHaveLength(1);
  return [first, second];
}

async function peersOf(one: Box): Promise<readonly { distfiles: number; received?: number; sent?: number }[]> {
  return (await one.agent.api.status()).swarm.peers;
}

async function get(one: Box, file: TestFile): Promise<Response> {
  return fetch(one.url + pathByDigest(file));
}

async function body(answer: Response): Promise<Buffer> {
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

test("what one box has, the other gets from it, without upstream; both count it", async () => {
  const mirror = await mirrorOfAll();
  const [first, second] = await twoBoxes(mirror);
  for (const file of files) await body(await get(first, file));
  await expect.poll(async () => (await peersOf(second))[0]!.distfiles).toBe(files.length);
  const asked = mirror.files().length;
  for (const file of files) {
    const answer = await get(second, file);
    expect(answer.headers.get("cache-status")).toMatch(/detail=peer/);
    expect((await body(answer)).equals(file.bytes)).toBe(true);
  }
  expect(mirror.files()).toHaveLength(asked);
  const [status1, status2] = [await first.agent.api.status(), await second.agent.api.status()];
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0);
  expect(status2.served.peer).toEqual({ requests: files.length, bytes });
  expect(status2.served.upstream.requests).toBe(0);
  expect(status1.uploaded).toEqual({ requests: files.length, bytes });
  expect((await peersOf(second))[0]!.received).toBe(bytes);
  const [explained] = (await second.agent.api.explain(files[0]!.name)).files;
  expect(explained!.attempts.map(({ kind, outcome }) => [kind, outcome])).toEqual([["peer", "ok"]]);
});

test("a file that one box is fetching is taken from there as it grows", async () => {
  const mirror = await mirrorOfAll();
  mirror.become(slow(8 * MIB));
  const [first, second] = await twoBoxes(mirror);
  const answer1 = await get(first, large);
  await expect.poll(async () => (await first.agent.api.status()).transfers[0]?.received ?? 0).toBeGreaterThan(MIB);
  const answer2 = await get(second, large);
  expect((await body(answer1)).equals(large.bytes)).toBe(true);
  expect((await body(answer2)).equals(large.bytes)).toBe(true);
  expect(mirror.files()).toHaveLength(1);
});

test("a wrong byte from upstream that a peer follows is stored by neither", async () => {
  const liar = await mirrorOfAll();
  liar.become(oneWrongByte());
  const [first, second] = await twoBoxes(liar);
  const answers = await Promise.all([get(first, files[1]!), get(second, files[1]!)]);
  expect(answers.map(({ status }) => status)).toEqual([502, 502]);
  for (const one of [first, second]) expect((await one.agent.api.status()).store.blobs).toBe(0);
  liar.become(well);
  expect((await body(await get(second, files[1]!))).equals(files[1]!.bytes)).toBe(true);
});

describe("a box without the key", () => {
  test("learns nothing and is counted", async () => {
    const mirror = await mirrorOfAll();
    const first = await box({ mirrors: [mirror.url] });
    await body(await get(first, files[0]!));
    const { host, port } = first.config.swarm.listen;
    const stranger = await box({ config: { swarm: { peers: [`${host}:${port}`] } } });
    const rejected = async (one: Box): Promise<number> =>
      Object.values((await one.agent.api.status()).swarm["rejected"] as Record<string, number>).reduce(
        (a, b) => a + b,
        0,
      );
    await expect.poll(() => rejected(first), { timeout: 10_000 }).toBeGreaterThan(0);
    expect(await peersOf(stranger)).toEqual([]);
    expect(await peersOf(first)).toEqual([]);
    expect((await get(stranger, files[0]!)).status).toBe(502);
  });
});

test.each([
  ["alone", 1],
  ["at the same moment as that one", 2],
])("a box that has another one of its network as a mirror waits for it in no circle, asked %s", async (_, asked) => {
  const mirror = await mirrorOfAll();
  const first = await box({ mirrors: [mirror.url] });
  const { host, port } = first.config.swarm.listen;
  const upstream = { custom_mirrors: [`local ${first.url}`], header_timeout: "10min" };
  const second = await box({ mirrors: [mirror.url], config: { swarm: { peers: [`${host}:${port}`] }, upstream } });
  await second.agent.api.join(await first.agent.api.invite());
  for (const one of [first, second]) await expect.poll(() => peersOf(one), { timeout: 10_000 }).toHaveLength(1);
  const answers = await Promise.all([second, first].slice(0, asked).map((one) => get(one, files[0]!)));
  for (const answer of answers) expect((await body(answer)).equals(files[0]!.bytes)).toBe(true);
  for (const one of [first, second]) {
    const [explained] = (await one.agent.api.explain(files[0]!.name)).files;
    expect(explained!.attempts.map(({ outcome }) => outcome)).not.toContain("STALLED");
  }
  expect(mirror.files()).toHaveLength(1);
});

test("a change of key at run time puts a box out of the old network", async () => {
  const mirror = await mirrorOfAll();
  const [first, second] = await twoBoxes(mirror);
  const other = await box({});
  await second.agent.api.join(await other.agent.api.invite());
  await expect.poll(() => peersOf(first), { timeout: 10_000 }).toEqual([]);
  await expect(second.agent.api.join("dsw1 wrong")).rejects.toThrow(/key/);
});
