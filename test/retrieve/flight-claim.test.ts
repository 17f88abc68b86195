import { expect, test } from "vitest";
import { claimText, type BlobClaims, type HeldClaim, type RivalClaim } from "../../src/core/claims.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { FlightClaim } from "../../src/retrieve/flight-claim.ts";
import { testFile } from "../support/repository.ts";

const { name, digest } = testFile("wanted-1.0.tar.xz", 1000);
const want = { digest, size: 1000, names: [name], packages: [] };

/** Other boxes that claim as the test says. */
function boxes(): { claims: BlobClaims; claimedBy: (id: string, received?: number) => void } {
  let rival: RivalClaim | undefined;
  return {
    claims: { rival: () => rival, claim: async () => undefined, news: async () => {} },
    claimedBy: (id, received = 0) => (rival = { id, holder: id, received, hasFailed: false }),
  };
}

test("two boxes that take turns to claim, and give nothing, are followed for a minute; a byte begins another", () => {
  const { claims, claimedBy } = boxes();
  let now = 0;
  const claim = new FlightClaim({ claims, log: silentLogger }, want, { now: () => now });
  const follow = (untilMs: number): number => {
    for (let turn = 0; now < untilMs; turn += 1, now += 100) {
      claimedBy(turn % 2 === 0 ? "one" : "other", 900);
      if (claim.turn(10) === "alone") break;
    }
    return now;
  };
  expect(follow(30_000)).toBe(30_000);
  claim.grew(10, "peer");
  expect(follow(200_000)).toBe(90_100);
  expect(claim.events.length).toBe(100);
  expect(claim.events.at(-1)).toMatchObject({ event: "alone" });
});

test("who lets go of a claim tells for whom", async () => {
  const lost = new AbortController();
  const held: HeldClaim = { lost: lost.signal, winner: "h2", progress: () => {}, release: () => {} };
  const claims: BlobClaims = { rival: () => undefined, claim: async () => held, news: async () => {} };
  const claim = new FlightClaim({ claims, log: silentLogger }, want);
  await claim.claim(0, new AbortController().signal);
  lost.abort();
  expect(claim.turn(0)).toBe("open");
  expect(claim.events.at(-1)).toMatchObject({ event: "yielded", box: "h2" });
  expect(claimText(claim.events.at(-1)!)).toBe("h2 goes on with it: this box lets go");
});
