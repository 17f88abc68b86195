import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { lacks, oneWrongByte, slow, startMirror, well, type Behaviour, type MockMirror } from "../support/zoo/zoo.ts";

const MIB = 2 ** 20;
const small = testFile("small-1.0.tar.xz", 200_000);
const large = testFile("large-1.0.tar.xz", 24 * MIB);
const many = Array.from({ length: 30 }, (_, number) =>
  testFile(`many-${number}.tar.xz`, 20_000 + 40_000 * (number % 7)),
);
const all = [small, large, ...many];

const open = closeAfterEach();

async function mirror(behaviour: Behaviour): Promise<MockMirror> {
  const started = await startMirror(behaviour, Object.fromEntries(all.map(({ name, bytes }) => [name, bytes])));
  open.push(started);
  return started;
}

/** Boxes of one network that all know each other. */
async function boxes(count: number, mirrors: readonly MockMirror[]): Promise<Box[]> {
  const started: Box[] = [];
  for (let number = 0; number < count; number += 1) {
    const peers = started.slice(0, 1).map(({ config }) => `${config.swarm.listen.host}:${config.swarm.listen.port}`);
    const urls = mirrors.map(({ url }) => url);
    const box = await startBox({ files: all, mirrors: urls, config: { swarm: { peers } } });
    open.push(box);
    started.push(box);
    if (number > 0) await box.agent.api.join(await started[0]!.agent.api.invite());
  }
  for (const box of started) {
    await expect
      .poll(async () => (await box.agent.api.status()).swarm.peers.length, { timeout: 20_000 })
      .toBe(count - 1);
  }
  return started;
}

/** What the blobs in a box's store turn out to be. */
async function stored({ storeDir }: Box): Promise<Digest[]> {
  const entries = await readdir(join(storeDir, "blobs"), { recursive: true, withFileTypes: true });
  const blobs = entries.filter((entry) => entry.isFile() && entry.name !== "layout.conf");
  return Promise.all(blobs.map(async ({ parentPath, name }) => digestOf(await readFile(join(parentPath, name)))));
}

async function get(box: Box, file: TestFile): Promise<number> {
  const { status, isRight } = await getAny(box, file);
  expect(isRight).toBe(status === 200);
  return status;
}

async function getAny(box: Box, file: TestFile): Promise<{ status: number; isRight: boolean }> {
  const answer = await fetch(box.url + pathByDigest(file));
  return { status: answer.status, isRight: Buffer.from(await answer.arrayBuffer()).equals(file.bytes) };
}

test("a file that all want at once is downloaded once, and explain tells who did", async () => {
  const upstream = await mirror(slow(16 * MIB));
  const lan = await boxes(5, [upstream]);
  for (const file of [small, large]) {
    const before = upstream.files().length;
    const statuses = await Promise.all(lan.map((box) => get(box, file)));
    expect(statuses).toEqual(lan.map(() => 200));
    expect(upstream.files()).toHaveLength(before + 1);
    const explained = await Promise.all(lan.map(async (box) => (await box.agent.api.explain(file.digest)).files[0]!));
    const downloaders = explained.filter(({ attempts }) => attempts.some(({ kind }) => kind === "upstream"));
    expect(downloaders.map(({ claims }) => claims.map(({ event }) => event))).toEqual([["claimed"]]);
    if (file === small) continue; // it may be whole at the first box before the last one looks for it
    const followers = explained.filter((one) => !downloaders.includes(one));
    // of claims that cross more than one
    const events = followers.map(({ claims }) => new Set(claims.map(({ event }) => event)));
    expect(events).toEqual(followers.map(() => new Set(["followed"])));
    const grew = followers.map(({ attempts }) => attempts.filter(({ growing }) => growing === true));
    expect(grew.map((attempts) => attempts.some(({ bytes }) => bytes > 0))).toEqual(followers.map(() => true));
  }
});

test("many files that all want in different orders are downloaded once each", async () => {
  const upstream = await mirror(well);
  const lan = await boxes(4, [upstream]);
  await Promise.all(
    lan.map(async (box, at) => {
      for (let number = 0; number < many.length; number += 1) {
        expect(await get(box, many[(number * (2 * at + 1) + at * 7) % many.length]!)).toBe(200);
      }
    }),
  );
  const asked = upstream.files().map(({ url }) => url);
  expect(asked.length).toBe(new Set(asked).size);
});

test("a wrong byte that all follow is stored by none, and all get the right bytes from another mirror", async () => {
  const liar = await mirror(oneWrongByte());
  const honest = await mirror(slow(32 * MIB));
  const lan = await boxes(4, [liar, honest]);
  expect(await Promise.all(lan.map((box) => get(box, small)))).toEqual(lan.map(() => 200));
  expect(liar.files().length).toBeGreaterThan(0);
  for (const box of lan) await expect.poll(() => stored(box)).toEqual([small.digest]);
});

test("a wrong byte in a file too large to wait for reaches the client of the box that downloads, and no other", async () => {
  const liar = await mirror(oneWrongByte());
  const honest = await mirror(slow(32 * MIB));
  const lan = await boxes(4, [liar, honest]);
  const answers = await Promise.all(lan.map((box) => getAny(box, large)));
  expect(answers.map(({ status }) => status)).toEqual(lan.map(() => 200));
  expect(answers.filter(({ isRight }) => !isRight).length).toBeLessThanOrEqual(1);
  expect(liar.files().length).toBeGreaterThan(0);
  const right = lan.filter((_, at) => answers[at]!.isRight);
  for (const box of right) await expect.poll(() => stored(box)).toEqual([large.digest]);
  for (const box of lan)
    expect((await box.agent.api.status()).swarm.peers.map(({ faults }) => faults)).toEqual([0, 0, 0]);
});

test("what no mirror has is a failure for all, as it would be alone", async () => {
  const upstream = await mirror(lacks([small.name]));
  const lan = await boxes(4, [upstream]);
  expect(await Promise.all(lan.map((box) => get(box, small)))).toEqual(lan.map(() => 404));
});

test("when the box that downloads goes away, another one goes on from the bytes that are there", async () => {
  const upstream = await mirror(slow(4 * MIB));
  const lan = await boxes(4, [upstream]);
  const answers = lan.map((box) => get(box, large).catch(() => 0));
  const downloads = async (box: Box): Promise<boolean> => {
    const [transfer] = (await box.agent.api.status()).transfers;
    return transfer?.kind === "upstream" && transfer.received > 8 * MIB;
  };
  await expect.poll(async () => (await Promise.all(lan.map(downloads))).includes(true), { timeout: 20_000 }).toBe(true);
  const winner = (await Promise.all(lan.map(downloads))).indexOf(true);
  await lan[winner]!.agent.stop();
  upstream.become(well);
  const statuses = await Promise.all(answers);
  expect(statuses.filter((status) => status === 200)).toHaveLength(3);
  expect(upstream.files()).toHaveLength(2);
  expect(upstream.files()[1]!.headers.range).toMatch(/^bytes=\d{7,}-$/);
});
