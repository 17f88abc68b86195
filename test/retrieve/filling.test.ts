import { expect, test } from "vitest";
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
