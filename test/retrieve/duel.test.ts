import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Source } from "../../src/core/source.ts";
import { Duel, Giver } from "../../src/retrieve/duel.ts";
import { Race } from "../../src/retrieve/race.ts";

const TRIAL_MS = 3000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A newcomer's duel with a source that gives until it is told to end. */
function duelOf(): {
  duel: Duel;
  signal: AbortSignal;
  end: () => Promise<void>;
  outcomes: boolean[];
  outpaced: () => number;
} {
  let finish = (): void => {};
  const ended = new Promise<void>((resolve) => (finish = resolve));
  const outpaced = vi.fn();
  const open = (): never => {
    throw new Error("it is not asked here");
  };
  const source: Source = { kind: "peer", label: "slow", open, blame: () => {}, outpaced };
  const way = new Race(new AbortController().signal).enter();
  const outcomes: boolean[] = [];
  const duel = new Duel(new Giver(source, { rate: 1000, ended }), way, {
    decided: ({ isWon }) => void outcomes.push(isWon),
  });
  const end = async (): Promise<void> => {
    finish();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { duel, signal: way.signal, end, outcomes, outpaced: () => outpaced.mock.calls.length };
}

test("a newcomer has its time from the moment on in which it is asked", async () => {
  const { duel, signal, outcomes } = duelOf();
  await vi.advanceTimersByTimeAsync(10 * TRIAL_MS); // it waited for its turn
  expect(signal.aborted).toBe(false);
  duel.asked();
  await vi.advanceTimersByTimeAsync(TRIAL_MS - 1);
  expect(signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(signal.aborted).toBe(true);
  duel.prevailed(); // a chunk that comes late says the same
  expect(outcomes).toEqual([false]);
});

test("when the other one breaks off, the newcomer is all there is: it goes on, and nothing was lost", async () => {
  const { duel, signal, end, outcomes } = duelOf();
  duel.asked();
  await end();
  await vi.advanceTimersByTimeAsync(10 * TRIAL_MS);
  expect(signal.aborted).toBe(false);
  expect(outcomes).toEqual([]);
});

test("who was outpaced is told so, once, and ends before the newcomer goes on", async () => {
  const { duel, signal, end, outcomes, outpaced } = duelOf();
  duel.asked();
  const over = duel.outpaced();
  await end();
  await over;
  await vi.advanceTimersByTimeAsync(10 * TRIAL_MS);
  expect({ isWon: duel.isWon, outcomes, outpaced: outpaced(), aborted: signal.aborted }).toEqual({
    isWon: true,
    outcomes: [true],
    outpaced: 1,
    aborted: false,
  });
});
