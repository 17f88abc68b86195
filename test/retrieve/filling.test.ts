import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { Giving, Rig, settled, SIZE } from "./rig.ts";

/** A flight that has asked the box that claims the blob for its growing copy, and has upstream beside it. */
async function followed(): Promise<{ rig: Rig; peer: Giving; upstream: Giving; over: Promise<void> }> {
  const rig = await Rig.open();
  rig.claimant = "peer";
  const [peer, upstream] = [new Giving("peer"), new Giving("upstream", "upstream")];
  peer.isGrowing = true;
  rig.others.peer.push(peer);
  rig.others.upstream.push(upstream);
  const over = rig.filling.fill();
  await settled();
  expect([peer.asked, upstream.asked]).toEqual([[0], []]);
  return { rig, peer, upstream, over };
}

test("upstream is asked beside a growing copy when an agent begins to wait here before that has given a byte", async () => {
  const { rig, upstream, over } = await followed();
  await rig.awaited();
  expect(upstream.asked).toEqual([0]);
  await upstream.give(SIZE);
  await over;
  expect(rig.copy.received).toBe(SIZE);
});

test("a growing copy that gives goes on when an agent begins to wait here: two would fill the copy from one byte on", async () => {
  const { rig, peer, upstream, over } = await followed();
  await peer.give(SIZE / 2);
  await rig.awaited();
  await peer.give(SIZE / 2);
  await over;
  expect(upstream.asked).toEqual([]);
  expect(rig.intake.attempts.map(({ source, bytes }) => [source, bytes])).toEqual([["peer", SIZE]]);
});

test("what is ended while a mirror is looked for tells why, and not that there is none", async () => {
  const rig = await Rig.open();
  rig.others.upstream.push(new Giving("upstream", "upstream"));
  rig.looking = (kind) => {
    if (kind === "upstream") rig.ending.abort(new Error("the agent is stopping"));
  };
  await expect(rig.filling.fill()).rejects.toThrow("the agent is stopping");
});

/** Two mirrors, the first of which has begun to give, and the time in the test's hands. */
async function trickled(): Promise<{ rig: Rig; first: Giving; second: Giving; over: Promise<void> }> {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const rig = await Rig.open();
  const [first, second] = [new Giving("first", "upstream"), new Giving("second", "upstream")];
  rig.others.upstream.push(first, second);
  const over = rig.filling.fill();
  await settled();
  return { rig, first, second, over };
}

/** Gives a byte a second for half a minute. */
async function trickle(source: Giving): Promise<void> {
  for (let second = 0; second < 30; second += 1) {
    await source.give(1);
    await vi.advanceTimersByTimeAsync(1000);
    await settled();
  }
}

test("a mirror that trickles is left for the next one at the byte reached, and holds no place of upstream for days", async () => {
  const { rig, first, second, over } = await trickled();
  await trickle(first);
  const [at = 0] = second.asked;
  expect(at).toBe(rig.copy.received);
  expect(at).toBeGreaterThan(0);
  await second.give(SIZE - at);
  await over;
  expect([first.asked, first.timesOutpaced]).toEqual([[0], 1]);
});

test("where every mirror trickles each is left once, and then the first is waited for", async () => {
  const { rig, first, second, over } = await trickled();
  for (const source of [first, second, first]) await trickle(source);
  expect([first.asked.length, second.asked.length]).toEqual([2, 1]);
  await first.give(SIZE - rig.copy.received);
  await over;
});

test("a mirror that takes long to begin is not left for that", async () => {
  const { first, second, over } = await trickled();
  await vi.advanceTimersByTimeAsync(60_000);
  await first.give(SIZE);
  await over;
  expect([first.asked, second.asked]).toEqual([[0], []]);
});

describe("where this box loses its network", () => {
  const noNetwork = Object.assign(new Error("connect ENETUNREACH 192.0.2.1:80"), { code: "ENETUNREACH" });
  const cutOff = new SourceError("REFUSED", "no connection", { cause: noNetwork });

  /** A mirror that is being asked. */
  async function asked(): Promise<{ rig: Rig; mirror: Giving; over: Promise<unknown> }> {
    const rig = await Rig.open();
    const mirror = new Giving("mirror", "upstream");
    rig.others.upstream.push(mirror);
    const over = rig.filling.fill().catch((error: unknown) => error);
    await settled();
    return { rig, mirror, over };
  }

  test("a download under way goes on when that is back, from the byte reached", async () => {
    const { rig, mirror, over } = await asked();
    await mirror.give(SIZE / 2);
    await mirror.breaksOff(cutOff);
    await expect.poll(() => mirror.asked.length, { timeout: 10_000 }).toBeGreaterThan(2);
    mirror.fault = undefined;
    const times = mirror.asked.length;
    await expect.poll(() => mirror.asked.length, { timeout: 10_000 }).toBeGreaterThan(times);
    await mirror.give(SIZE / 2);
    expect(await over).toBeUndefined();
    expect({ received: rig.copy.received, from: mirror.asked.at(-1) }).toEqual({ received: SIZE, from: SIZE / 2 });
  });

  test("that is not waited for longer than a client would wait", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { mirror, over } = await asked();
    await mirror.give(SIZE / 2);
    await mirror.breaksOff(cutOff);
    await expect.poll(() => mirror.asked.length, { timeout: 10_000 }).toBeGreaterThan(2);
    vi.advanceTimersByTime(60_000);
    expect(await over).toMatchObject({ code: "NO_SOURCE" });
  });

  test("one that has not begun fails at once, and so does one that is refused", async () => {
    const { mirror, over } = await asked();
    await mirror.breaksOff(cutOff);
    expect(await over).toMatchObject({ code: "NO_SOURCE" });
    const refused = await asked();
    await refused.mirror.give(SIZE / 2);
    await refused.mirror.breaksOff(new SourceError("REFUSED", "no connection"));
    expect(await refused.over).toMatchObject({ code: "NO_SOURCE" });
    expect(refused.mirror.asked).toEqual([0, SIZE / 2]);
  });

  test("a peer that is off is not waited for, nor is a server where another one has answered", async () => {
    const { rig, mirror, over } = await asked();
    const other = new Giving("other", "upstream");
    other.fault = new SourceError("ABSENT", "answered 404");
    rig.others.upstream.push(other);
    await mirror.give(SIZE / 2);
    const peer = new Giving("peer");
    peer.fault = cutOff;
    rig.others.peer.push(peer);
    await mirror.breaksOff(cutOff);
    expect(await over).toMatchObject({ code: "NO_SOURCE" });
  });

  test("who ends the download meanwhile need not wait for it", async () => {
    const { rig, mirror, over } = await asked();
    await mirror.give(SIZE / 2);
    await mirror.breaksOff(cutOff);
    await expect.poll(() => mirror.asked.length, { timeout: 10_000 }).toBe(2);
    rig.ending.abort(new Error("the agent is stopping"));
    expect(await over).toMatchObject({ message: "the agent is stopping" });
  });
});
