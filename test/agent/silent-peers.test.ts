import { expect, test } from "vitest";
import { badMember } from "../support/bad-member.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import {
  startMirror,
  stallsBeforeHeaders,
  well,
  type Behaviour,
  type Exchange,
  type MockMirror,
} from "../support/zoo/zoo.ts";

const file = testFile("file-1.0.tar.xz", 300_000);
/** Upstream's patience: a test that waits for its end fails. */
const upstream = { header_timeout: "60s", stall_timeout: "60s" };

const open = closeAfterEach();

async function mirrorOf(behaviour: Behaviour): Promise<MockMirror> {
  const mirror = await startMirror(behaviour, { [file.name]: file.bytes });
  open.push(mirror);
  return mirror;
}

async function boxWith(mirror: MockMirror, peers: readonly string[] = []): Promise<Box> {
  const box = await startBox({
    files: [file],
    config: { upstream: { ...upstream, mirrors: [mirror.url] }, swarm: { peers } },
  });
  open.push(box);
  return box;
}

async function get(box: Box, file: TestFile): Promise<Buffer> {
  const answer = await fetch(box.url + pathByDigest(file));
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

async function story(box: Box): Promise<{ kind: string; outcome: string }[]> {
  const [explained] = (await box.agent.api.explain(file.digest)).files;
  return explained!.attempts.map(({ kind, outcome }) => ({ kind, outcome }));
}

/** Answers when the test says so. */
function late(): { behaviour: Behaviour; answer: () => void } {
  const asked: Exchange[] = [];
  return {
    behaviour: (exchange) => void asked.push(exchange),
    answer: () => asked.forEach((exchange) => well(exchange)),
  };
}

test("peers that are silent for a second have upstream asked beside them; what brings bytes first ends the other", async () => {
  const mirror = await mirrorOf(well);
  const box = await boxWith(mirror);
  const peer = await badMember([box], [file.bytes], stallsBeforeHeaders);
  const began = performance.now();
  expect((await get(box, file)).equals(file.bytes)).toBe(true);
  expect(performance.now() - began).toBeGreaterThan(990);
  expect(peer.requests()).toBe(1);
  expect(await story(box)).toEqual([
    { kind: "peer", outcome: "aborted" },
    { kind: "upstream", outcome: "ok" },
  ]);
  await expect.poll(() => peer.connections()).toBe(0);
});

test("a peer that is only slow is taken from when it answers before upstream, which is let go of with its claim", async () => {
  const mirror = await mirrorOf(stallsBeforeHeaders);
  const box = await boxWith(mirror);
  const { behaviour, answer } = late();
  const peer = await badMember([box], [file.bytes], behaviour);
  const bytes = get(box, file);
  await mirror.asked();
  answer();
  expect((await bytes).equals(file.bytes)).toBe(true);
  expect(peer.requests()).toBe(1);
  await expect.poll(() => mirror.connections()).toBe(0);
  expect(await story(box)).toEqual([
    { kind: "upstream", outcome: "aborted" },
    { kind: "peer", outcome: "ok" },
  ]);
});

test("boxes that all find the holder silent ask upstream once for all of them", async () => {
  const mirror = await mirrorOf(well);
  const first = await boxWith(mirror);
  const { host, port } = first.config.swarm.listen;
  const second = await boxWith(mirror, [`${host}:${port}`]);
  await second.agent.api.join(await first.agent.api.invite());
  await badMember([first, second], [file.bytes], stallsBeforeHeaders);
  await expect.poll(async () => (await first.agent.api.status()).swarm.peers.length, { timeout: 10_000 }).toBe(2);
  await expect.poll(async () => (await second.agent.api.status()).swarm.peers.length, { timeout: 10_000 }).toBe(2);
  const all = await Promise.all([get(first, file), get(second, file)]);
  expect(all.every((bytes) => bytes.equals(file.bytes))).toBe(true);
  expect(mirror.files()).toHaveLength(1);
});
