import { expect, test } from "vitest";
import type { Attempt } from "../../src/core/report/attempt.ts";
import { badMember, type BadMember } from "../support/bad-member.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { says, slow, slowsDown, startMirror, well, type Behaviour, type MockMirror } from "../support/zoo/zoo.ts";

const KIB = 1024;
const MIB = 2 ** 20;
/** What a race may cost: what is held until it is decided, and what is on its way by then. */
const RACE_COSTS_BYTES = 512 * KIB;

const known = testFile("known-1.0.tar.xz", 2 * MIB);
const held = testFile("held-1.0.tar.xz", MIB);
const wanted = testFile("wanted-1.0.tar.xz", 120 * KIB);
/** At 2 MiB a second it takes 16 s. */
const large = testFile("large-1.0.tar.xz", 32 * MIB);
const files = [known, held, wanted, large];

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

async function get(box: Box, file: TestFile): Promise<void> {
  const answer = await fetch(box.url + pathByDigest(file));
  expect(Buffer.from(await answer.arrayBuffer()).equals(file.bytes)).toBe(true);
}

async function attempts(box: Box, { digest }: TestFile): Promise<readonly Attempt[]> {
  return (await box.agent.api.explain(digest)).files[0]!.attempts;
}

/** Of two members the one that gives, and the other one. */
async function giverOf(box: Box, members: readonly BadMember[]): Promise<readonly [BadMember, BadMember]> {
  const giving = async (): Promise<string | undefined> => {
    const { peers } = (await box.agent.api.status()).swarm;
    return peers.find(({ received = 0 }) => received > 0)?.id;
  };
  await expect.poll(giving).toBeDefined();
  const giver = await giving();
  const [other, one] = members.toSorted((a, b) => Number(a.id === giver) - Number(b.id === giver));
  return [one!, other!];
}

test("where all holders are slow alike, the first one is stayed with, and next to nothing is sent twice", async () => {
  const box = await boxWith(await mirrorOf(says(500)));
  for (const _ of [1, 2]) await badMember([box], [held.bytes], slow(200 * KIB));
  await get(box, held);
  const tried = await attempts(box, held);
  const outcomes = tried.map(({ kind, outcome, bytes }) => [kind, outcome, bytes]);
  expect(outcomes.filter(([kind]) => kind === "peer")).toEqual([
    ["peer", "aborted", 0],
    ["peer", "ok", held.bytes.length],
  ]);
  const upstream = outcomes.filter(([kind]) => kind === "upstream").map(String); // it might have been faster
  expect(new Set(upstream)).toEqual(new Set(["upstream,BAD_STATUS,0"]));
  const { peers } = (await box.agent.api.status()).swarm;
  const received = peers.reduce((sum, peer) => sum + peer.received!, 0);
  expect(received).toBeLessThan(held.bytes.length + RACE_COSTS_BYTES);
  expect(peers.map(({ faults }) => faults)).toEqual([0, 0]);
});

test("a holder that only starts fast is left again for the one that it outpaced", async () => {
  const box = await boxWith(await mirrorOf(says(500)));
  const members = await Promise.all([1, 2].map(() => badMember([box], [known.bytes], slow(400 * KIB))));
  const fetched = get(box, known);
  const [steady, fickle] = await giverOf(box, members);
  fickle.become(slowsDown(35 * KIB, 1 / 10));
  await fetched;
  const gave = (await attempts(box, known)).filter(({ bytes }) => bytes > 0);
  const [first, second] = gave;
  expect([first!.outcome, second!.outcome, gave.at(-1)!.outcome]).toEqual(["aborted", "aborted", "ok"]);
  expect(second!.source).not.toBe(first!.source);
  const bytesOf = (source: string): number =>
    gave.reduce((sum, one) => sum + (one.source === source ? one.bytes : 0), 0);
  expect(gave.slice(2).map(({ source }) => source)).toContain(first!.source);
  expect(bytesOf(first!.source)).toBeGreaterThan(bytesOf(second!.source));
  const { peers } = (await box.agent.api.status()).swarm;
  const faults = ({ id }: BadMember): number => peers.find((peer) => peer.id === id)!.faults!;
  expect(Math.min(faults(steady), faults(fickle))).toBeGreaterThan(0);
}, 60_000);

test("a holder that gives a quarter of what others may is left where that saves more than ten seconds", async () => {
  const box = await boxWith(await mirrorOf(says(500)));
  const members = await Promise.all([1, 2].map(() => badMember([box], [large.bytes], slow(2 * MIB))));
  const fetched = get(box, large);
  const [, fast] = await giverOf(box, members);
  fast.become(well);
  await fetched;
  const gave = (await attempts(box, large)).filter(({ bytes }) => bytes > 0);
  expect(gave.map(({ outcome }) => outcome)).toEqual(["aborted", "ok"]);
  expect(gave[1]!.bytes).toBeGreaterThan(large.bytes.length / 2);
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
