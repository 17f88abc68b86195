import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Giving, Rig, settled, SIZE } from "./rig.ts";

const KIB = 1024;
/** What a slow source gives, in bytes a second: 17 minutes for all. */
const SLOW = KIB;
const TRIAL_MS = 3000;
const PAUSE_MS = 1000;
/** After so long a kind of source may be raced again that has lost. */
const LOST_MS = 600_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

test("a peer that proves faster goes on from the byte reached, and the slow one is told", async () => {
  const rig = await Rig.open();
  const [slow, fast] = [new Giving("slow"), new Giving("fast")];
  rig.others.peer.push(fast);
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  expect({ asked: fast.asked, isDoubted: slow.isDoubted }).toEqual({ asked: [KIB], isDoubted: true });
  await slow.give(KIB); // it goes on meanwhile
  await fast.give(SIZE - KIB);
  await over;
  expect(rig.copy.received).toBe(SIZE);
  expect(rig.intake.attempts.map(({ source, bytes }) => [source, bytes])).toEqual([
    ["slow", 2 * KIB],
    ["fast", SIZE - 2 * KIB],
  ]);
  expect([slow.timesOutpaced, fast.timesOutpaced, slow.isDoubted]).toEqual([1, 0, false]);
});

test("one that is no faster is left after its time; others are looked for again later each time, four times in all", async () => {
  const rig = await Rig.open();
  const [slow, other] = [new Giving("slow"), new Giving("other")];
  rig.others.peer.push(other);
  await rig.take(slow);
  const races: number[] = [];
  for (let race = 1; race <= 6; race += 1) {
    await slow.paces(SLOW);
    races.push(other.asked.length);
    await vi.advanceTimersByTimeAsync(TRIAL_MS);
    await settled();
    vi.advanceTimersByTime(LOST_MS);
  }
  expect(races).toEqual([1, 2, 3, 4, 4, 4]);
  expect(slow.timesOutpaced).toBe(0);
});

test("while nobody else has it, that is looked for again after a second, then after two", async () => {
  const rig = await Rig.open();
  rig.claimant = "another box"; // so upstream is not asked
  const [slow, late] = [new Giving("slow"), new Giving("late")];
  await rig.take(slow);
  await slow.paces(SLOW);
  rig.others.peer.push(late);
  const asked = async (ms: number): Promise<boolean> => {
    vi.advanceTimersByTime(ms);
    await slow.paces(SLOW);
    return late.asked.length > 0;
  };
  expect([await asked(PAUSE_MS - 1), await asked(1)]).toEqual([false, true]);
});

test("upstream is raced after the peers, where it is this box's turn; its claim ends where that is lost", async () => {
  const rig = await Rig.open();
  const [slow, mirror] = [new Giving("slow"), new Giving("mirror", "upstream")];
  rig.others.upstream.push(mirror);
  rig.claimant = "another box";
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  expect(mirror.asked).toEqual([]);
  rig.claimant = undefined;
  for (const pause of [PAUSE_MS, LOST_MS]) {
    vi.advanceTimersByTime(pause);
    await slow.paces(SLOW);
    if (pause === LOST_MS) break;
    await vi.advanceTimersByTimeAsync(TRIAL_MS);
    await settled();
    expect(rig.released).toEqual([false]);
  }
  expect(mirror.asked).toEqual([KIB, KIB]);
  await mirror.give(SIZE - KIB);
  await over;
  expect({ received: rig.copy.received, released: rig.released }).toEqual({ received: SIZE, released: [false] });
});

test("one that was faster only at first is left for the others", async () => {
  const rig = await Rig.open();
  const [slow, fickle] = [new Giving("slow"), new Giving("fickle")];
  rig.others.peer.push(fickle);
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  await fickle.give(100 * KIB);
  await fickle.paces(SLOW - 1);
  await over;
  expect(rig.copy.received).toBe(101 * KIB);
  expect([slow.timesOutpaced, fickle.timesOutpaced]).toEqual([1, 1]);
});

test("a newcomer's own pace counts only once it gives: on trial nobody is raced against it", async () => {
  const rig = await Rig.open();
  const [slow, newcomer, third] = [new Giving("slow"), new Giving("newcomer"), new Giving("third")];
  rig.others.peer.push(newcomer, third);
  await rig.take(slow);
  await slow.paces(SLOW);
  await newcomer.give(KIB);
  await newcomer.paces(SLOW);
  expect(third.asked).toEqual([]);
});

test("where each source is asked for all of it, a slow one is left once for the others", async () => {
  const rig = await Rig.open();
  const [slow, other] = [new Giving("slow"), new Giving("other")];
  rig.others.peer.push(other);
  Object.defineProperty(rig.intake, "asksAlone", { value: true });
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  await over;
  expect({ received: rig.copy.received, asked: other.asked }).toEqual({ received: KIB, asked: [] });
  await rig.take(slow); // nobody had all of it: it is asked again
  await slow.paces(SLOW);
  await slow.give(KIB);
  expect(rig.copy.received).toBe(3 * KIB);
});
