import { expect, test } from "vitest";
import { Penalties } from "../../src/swarm/penalties.ts";

test("who is left alone for a minute is not let in earlier for a smaller fault meanwhile", () => {
  let now = 0;
  const penalties = new Penalties({ now: () => now });
  penalties.add("stranger", 60_000);
  now = 1000;
  penalties.add("stranger", 3000);
  now = 59_999;
  expect(penalties.has("stranger")).toBe(true);
  now = 60_000;
  expect(penalties.has("stranger")).toBe(false);
});
