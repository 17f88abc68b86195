import { expect, test } from "vitest";
import { NowAndThen } from "../../../src/core/async/now-and-then.ts";

test("the same is said once in a while, and another reason has a while of its own", () => {
  let now = 0;
  const warnings = new NowAndThen({ everyMs: 1000, now: () => now });
  const said: [number, string][] = [];
  for (; now <= 2000; now += 250)
    for (const why of ["early", "late"])
      if (now > 0 || why === "early") if (warnings.isTime(why)) said.push([now, why]);
  expect(said).toEqual([
    [0, "early"],
    [250, "late"],
    [1000, "early"],
    [1250, "late"],
    [2000, "early"],
  ]);
});
