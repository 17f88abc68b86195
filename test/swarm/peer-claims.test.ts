import { expect, test } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { PeerClaims } from "../../src/swarm/peer-claims.ts";

test("a peer's silent claim is known for a minute, for who takes over, and no longer", () => {
  let now = 0;
  const clock = { now: () => now, at: () => () => {} };
  const claims = new PeerClaims({ clock, nameOf: (id) => id, minds: () => true });
  const [old, recent, newest] = [digestOf(Buffer.of(1)), digestOf(Buffer.of(2)), digestOf(Buffer.of(3))];
  const say = (subject: Digest): void =>
    void claims.note("aa", { type: "upstream-claim", subject, number: 1, base: 0, received: 0 });
  say(old);
  now = 59_000;
  say(recent);
  expect([claims.hasLapsed("aa", old), claims.hasLapsed("aa", recent)]).toEqual([true, false]);
  now = 60_000;
  say(newest);
  expect(claims.hasLapsed("aa", old)).toBe(false);
  now = 65_000;
  expect(claims.hasLapsed("aa", recent)).toBe(true);
});
