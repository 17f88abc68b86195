import { expect, test } from "vitest";
import { NowAndThen } from "../../../src/core/async/now-and-then.ts";

const HOUR_MS = 3_600_000;

test("the same is said once in a while, and another reason has a while of its own", () => {
  let now = 0;
  const warnings = new NowAndThen({ everyMs: 1000, now: () => now });
  const said: [number, string][] = [];
  for (; now <= 2000; now += 250)
    for (const why of ["early", "late"])
      if (now > 0 || why === "early") if (warnings.isTime({ reason: why })) said.push([now, why]);
  expect(said).toEqual([
    [0, "early"],
    [250, "late"],
    [1000, "early"],
    [1250, "late"],
    [2000, "early"],
  ]);
});

test("of the same one it is said once an hour, which keeps nothing from being said of others", () => {
  let now = 0;
  const warnings = new NowAndThen({ everyMs: 1000, now: () => now });
  const said: [number, string][] = [];
  for (; now <= 2 * HOUR_MS; now += 60_000) {
    if (warnings.isTime({ whom: "10.0.0.1" })) said.push([now, "10.0.0.1"]);
    if (now === HOUR_MS / 2 && warnings.isTime({ whom: "10.0.0.2" })) said.push([now, "10.0.0.2"]);
  }
  expect(said).toEqual([
    [0, "10.0.0.1"],
    [HOUR_MS / 2, "10.0.0.2"],
    [HOUR_MS, "10.0.0.1"],
    [2 * HOUR_MS, "10.0.0.1"],
  ]);
});
