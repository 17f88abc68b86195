import { expect, test } from "vitest";
import type { Attempt } from "../../src/core/agent-api.ts";
import { badMember } from "../support/bad-member.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { testFile, type TestFile } from "../support/repository.ts";
import { says, slow, slowsDown, startMirror, well, type Behaviour, type MockMirror } from "../support/zoo/zoo.ts";

const KIB = 1024;
const MIB = 2 ** 20;
/** What a race may cost: what is held until it is decided, and what is on its way by then. */
const RACE_COSTS_BYTES = 512 * KIB;

/** What it takes, with room for a busy machine, where a holder starts fast and then needs 50 s for the rest. */
const FICKLE_MS = 25_000;

const known = testFile("known-1.0.tar.xz", 2 * MIB);
const held = testFile("held-1.0.tar.xz", MIB);
const wanted = testFile("wanted-1.0.tar.xz", 120 * KIB);
const files = [known, held, wanted];

const open = closeAfterEach();

async function mirrorOf(behaviour: Behaviour): Promise<MockMirror> {
  const mirror = await startMirror(behaviour, Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])));
  open.push(mirror);
  return mirror;
}

async function boxWith(mirror: MockMirror, peers: readonly string[] = []): Promise<Box> {
  const box = await startBox({ files, mirrors: [mirror.url], config: { swarm: { peers } } });
  open.push(box);
  return box;
}

async function get(box: Box, { digest, bytes }: TestFile): Promise<void> {
  const answer = await fetch(`${box.url}/distfiles/${digest.slice(0, 2)}/${digest}`);
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
}

async function attempts(box: Box, { digest }: TestFile): Promise<readonly Attempt[]> {
  return (await box.agent.api.explain(digest)).files[0]!.attempts;
}

test("where all holders are slow alike, the first one is stayed with, and next to nothing is sent twice", async () => {
  const box = await boxWith(await mirrorOf(says(500)));
  for (const _ of [1, 2]) await badMember([box], [held.bytes], slow(200 * KIB));
  await get(box, held);
  const tried = await attempts(box, held);
  expect(tried.map(({ kind, outcome, bytes }) => [kind, outcome, bytes])).toEqual([
    ["peer", "aborted", 0],
    ["peer", "ok", held.bytes.length],
  ]);
  const { peers } = (await box.agent.api.status()).swarm;
  const received = peers.reduce((sum, peer) => sum + peer.received!, 0);
  expect(received).toBeLessThan(held.bytes.length + RACE_COSTS_BYTES);
  expect(peers.map(({ faults }) => faults)).toEqual([0, 0]);
});

test("a holder that only starts fast is left again for the one that it outpaced", async () => {
  const box = await boxWith(await mirrorOf(says(500)));
  const steady = await badMember([box], [known.bytes], slow(400 * KIB));
  const fickle = await badMember([box], [known.bytes], slowsDown(35 * KIB, 1 / 10));
  const began = performance.now();
  await get(box, known);
  const ms = performance.now() - began;
  expect(fickle.requests()).toBeGreaterThan(0);
  expect(steady.requests()).toBeGreaterThan(0);
  expect(ms).toBeLessThan(FICKLE_MS);
}, 60_000);

test("a box that passes on what upstream gives is stayed with, when upstream gives no more to anybody", async () => {
  const mirror = await mirrorOf(well);
  const root = await boxWith(mirror);
  const { host, port } = root.config.swarm.listen;
  const follower = await boxWith(mirror, [`${host}:${port}`]);
  await get(follower, known); // upstream is known to give more than that
  await follower.agent.api.join(await root.agent.api.invite());
  await expect.poll(async () => (await root.agent.api.status()).swarm.peers.length, { timeout: 10_000 }).toBe(1);
  mirror.become(slow(20 * KIB));
  const fetched = get(root, wanted);
  await mirror.asked();
  await Promise.all([fetched, get(follower, wanted)]);
  const tried = await attempts(follower, wanted);
  expect(tried.filter(({ bytes }) => bytes > 0).map(({ kind, outcome }) => [kind, outcome])).toEqual([["peer", "ok"]]);
  expect((await attempts(root, wanted)).map(({ kind, outcome }) => [kind, outcome])).toEqual([["upstream", "ok"]]);
});
