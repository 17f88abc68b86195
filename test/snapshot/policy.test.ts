import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Throttle } from "../../src/snapshot/throttle.ts";
import { dateToPull, electedFor } from "../../src/snapshot/policy.ts";

describe("the date to pull", () => {
  test("is the newest announced, if it is newer than all that is held", () => {
    expect(dateToPull(["20261119", "20261120"], [])).toBe("20261120");
    expect(dateToPull(["20261119", "20261120"], ["20261118"])).toBe("20261120");
  });

  test("is the next best when the newest was tried", () => {
    expect(dateToPull(["20261119", "20261120"], [], new Set(["20261120"]))).toBe("20261119");
  });

  test("is none when nothing announced is newer", () => {
    expect(dateToPull([], [])).toBeUndefined();
    expect(dateToPull(["20261119"], ["20261120"])).toBeUndefined();
    expect(dateToPull(["20261120"], ["20261120", "20261101"])).toBeUndefined();
  });
});

describe("the box that is elected", () => {
  const ids = ["a", "b", "c", "d", "e"];

  test("is the same on every box, in whatever order it knows the others", () => {
    expect(electedFor("20261120 7", ids.toReversed())).toBe(electedFor("20261120 7", ids));
  });

  test("changes with time, so that each has its turn", () => {
    const elected = new Set(Array.from({ length: 100 }, (_, interval) => electedFor(`20261120 ${interval}`, ids)));
    expect(elected).toEqual(new Set(ids));
  });
});

describe("a throttle", () => {
  const { signal } = new AbortController();

  test("lets a burst pass, and then holds back", async () => {
    const throttle = new Throttle(1_000_000);
    const began = performance.now();
    const burst = throttle.take(500_000, signal).then(() => "passes");
    expect(await Promise.race([burst, setImmediate("waits")])).toBe("passes");
    await throttle.take(100_000, signal);
    expect(performance.now() - began).toBeGreaterThan(80);
  });

  test("ends at once when somebody waits, also for who is being held back", async () => {
    const throttle = new Throttle(1);
    const held = throttle.take(1_000_000, signal);
    throttle.hurry();
    await held;
    await throttle.take(1_000_000, signal);
  });

  test("ends with the signal's reason", async () => {
    await expect(new Throttle(1).take(1000, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});
