import { expect, test } from "vitest";
import { Recent } from "../../../src/core/data/recent.ts";

/** What is remembered for 100 ms, on a clock that the test moves. */
function recentAt(time: number): { recent: Recent<string>; clock: { time: number } } {
  const clock = { time };
  return { recent: new Recent<string>({ ttlMs: 100, now: () => clock.time }), clock };
}

test("what was remembered a moment ago is, until its time is over", () => {
  const { recent, clock } = recentAt(0);
  recent.remember("a", "x");
  clock.time = 99;
  expect([recent.get("a"), recent.remainingMs("a")]).toEqual(["x", 1]);
  clock.time = 100;
  expect([recent.get("a"), recent.remainingMs("a")]).toEqual([undefined, 0]);
});

test("remembered again, its time begins again", () => {
  const { recent, clock } = recentAt(0);
  recent.remember("a", "x");
  recent.remember("b", "y");
  clock.time = 60;
  recent.remember("a", "z");
  clock.time = 120;
  recent.remember("c", "w");
  expect(["a", "b", "c"].map((name) => recent.get(name))).toEqual(["z", undefined, "w"]);
});

test("it is forgotten when the clock is set back: nobody knows how old it is", () => {
  const { recent, clock } = recentAt(1000);
  recent.remember("a", "x");
  clock.time = 999;
  expect(recent.get("a")).toBeUndefined();
});
