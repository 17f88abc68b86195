import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Pace, watched, type PaceLimit } from "../../../src/core/async/pace.ts";

const KIB = 1024;
/** So little that it is never too low. */
const LEAST: PaceLimit = { windowMs: 60_000, bytes: 0 };
const TICK_MS = 100;

/** A source that gives so many bytes in each tick of 100 ms; undefined: the reader is busy, and nobody waits. */
function paceOf(ticks: readonly (number | undefined)[]): (number | undefined)[] {
  let now = 0;
  const pace = new Pace({ now: () => now });
  return ticks.map((bytes) => {
    if (bytes !== undefined) pace.waiting();
    now += TICK_MS;
    if (bytes !== undefined && bytes > 0) pace.got(bytes);
    return pace.rate;
  });
}

const ticks = <T>(count: number, bytes: T): T[] => Array.from({ length: count }, () => bytes);

describe("the pace of a source", () => {
  it("is not known before bytes were waited for during 1.6 s, and then as it is", () => {
    const rates = paceOf(ticks(20, 4 * KIB));
    expect(rates.slice(0, 15)).toEqual(ticks(15, undefined));
    expect(rates.at(-1)).toBe(40 * KIB);
  });

  it("is that of its best moment: who was busy for a second is not slow", () => {
    const rates = paceOf([...ticks(16, 400 * KIB), ...ticks(10, 0), ...ticks(2, 400 * KIB)]);
    expect(Math.min(...rates.slice(16).map((rate) => rate!))).toBeGreaterThan(2000 * KIB);
  });

  it("falls to a trickle within 2 s, however fast the source was before", () => {
    const rates = paceOf([...ticks(16, 10_000 * KIB), ...ticks(20, 4 * KIB)]);
    expect(rates.at(-1)).toBe(40 * KIB);
  });

  it("is 0 in silence", () => {
    expect(paceOf([...ticks(16, 400 * KIB), ...ticks(20, 0)]).at(-1)).toBe(0);
  });

  it("is not that of a reader that is busy", () => {
    const slowReader = Array.from({ length: 20 }, () => [400 * KIB, ...ticks(9, undefined)]).flat();
    expect(paceOf(slowReader).at(-1)).toBe(4000 * KIB);
  });
});

describe("a pace that must not be too low", () => {
  const LIMIT: PaceLimit = { windowMs: 5000, bytes: 4 * KIB };

  /** A pace, and whether it is too low after so many milliseconds in which somebody waits. */
  function waiting(): { pace: Pace; isBelowAfter: (ms: number) => boolean } {
    let now = 0;
    const pace = new Pace({ now: () => now });
    pace.waiting();
    const isBelowAfter = (ms: number): boolean => {
      now += ms;
      return pace.isBelow(LIMIT);
    };
    return { pace, isBelowAfter };
  }

  it("is so after a window of silence, whenever that began", () => {
    const { pace, isBelowAfter } = waiting();
    expect(isBelowAfter(4999)).toBe(false);
    pace.got(1024 * KIB);
    pace.waiting();
    expect(isBelowAfter(4999)).toBe(false);
    expect(isBelowAfter(1)).toBe(true);
  });

  it("is so when bytes trickle, and not while a window has its bytes, in whatever part of it", () => {
    const { pace, isBelowAfter } = waiting();
    const after = (...bytes: number[]): boolean[] =>
      bytes.map((came) => {
        const isBelow = isBelowAfter(1000);
        pace.got(came);
        pace.waiting();
        return isBelow;
      });
    expect(after(1, 1, 4 * KIB, 1, 1, 1, 1, 1)).not.toContain(true);
    expect(after(1, 1, 1)).toContain(true);
  });

  it("is not so while the reader is busy", () => {
    const { pace, isBelowAfter } = waiting();
    pace.got(1);
    expect(isBelowAfter(60_000)).toBe(false);
  });
});

describe("bytes as they come", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
  afterEach(() => vi.useRealTimers());

  it("have a pace from the first ones on: what an answer waits for is no pace", async () => {
    const told: number[] = [];
    async function* late(): AsyncGenerator<Buffer> {
      for (const ms of [10_000, ...ticks(20, TICK_MS)]) {
        vi.advanceTimersByTime(ms);
        yield Buffer.alloc(4 * KIB);
      }
    }
    const watch = { limit: () => LEAST, stalled: () => {}, paced: (rate: number) => void told.push(rate) };
    for await (const bytes of watched(late(), watch)) expect(bytes.length).toBe(4 * KIB);
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told)).toEqual(new Set([40 * KIB]));
  });
});
