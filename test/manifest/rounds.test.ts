import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Rounds, type Round } from "../../src/manifest/rounds.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Rounds whose end the test decides. */
function controlled() {
  const ends: ((round: Round) => void)[] = [];
  const rounds = new Rounds(() => new Promise((resolve) => ends.push(resolve)));
  const end = async (index: number, round: Partial<Round> = {}): Promise<void> => {
    ends[index]!({ changed: false, costMs: 0, ...round });
    await vi.advanceTimersByTimeAsync(0);
  };
  return { rounds, end, begun: () => ends.length };
}

test("who asks during a round gets another one after it, shared by all who asked", async () => {
  const { rounds, end, begun } = controlled();
  const first = rounds.now();
  const late = [rounds.now(), rounds.now()];
  expect(begun()).toBe(1);
  await end(0);
  expect(begun()).toBe(2);
  await end(1, { changed: true });
  expect(await first).toBe(false);
  expect(await Promise.all(late)).toEqual([true, true]);
  expect(begun()).toBe(2);
});

test("a change found by the round under way counts for those who wait", async () => {
  const { rounds, end } = controlled();
  void rounds.now();
  const late = rounds.now();
  await end(0, { changed: true });
  await end(1);
  expect(await late).toBe(true);
});

test("a round comes by itself after a pause of 400 times its cost, of 5 s at least and 10 min at most", async () => {
  const { rounds, end, begun } = controlled();
  void rounds.now();
  for (const [index, costMs, pause] of [
    [0, 1, 5_000],
    [1, 100, 40_000],
    [2, 60_000, 600_000],
  ] as const) {
    await end(index, { costMs });
    await vi.advanceTimersByTimeAsync(pause - 1);
    expect(begun()).toBe(index + 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(begun()).toBe(index + 2);
  }
});

test("any number of hints ask for one round, half a second later", async () => {
  const { rounds, end, begun } = controlled();
  void rounds.now();
  await end(0);
  for (let hint = 0; hint < 100; hint++) rounds.hint();
  await vi.advanceTimersByTimeAsync(500);
  expect(begun()).toBe(2);
});

test("hints without end cost a tenth of a core", async () => {
  const { rounds, end, begun } = controlled();
  void rounds.now();
  rounds.hint();
  await end(0, { costMs: 200 });
  await vi.advanceTimersByTimeAsync(1_999);
  expect(begun()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun()).toBe(2);
});

test("stop waits for the round under way and begins none of those asked for", async () => {
  const { rounds, end, begun } = controlled();
  void rounds.now();
  const late = rounds.now();
  const stopped = rounds.stop();
  await end(0);
  await stopped;
  expect(await late).toBe(false);
  rounds.hint();
  expect(await rounds.now()).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000_000);
  expect(begun()).toBe(1);
});
