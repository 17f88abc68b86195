import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Pace, paced } from "../../src/retrieve/pace.ts";

const KIB = 1024;
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
    for await (const bytes of paced(late(), (rate) => told.push(rate))) expect(bytes.length).toBe(4 * KIB);
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told)).toEqual(new Set([40 * KIB]));
  });
});
