import { expect, test } from "vitest";
import { Twin } from "../../src/swarm/discovery/twin.ts";

const FILE = "/var/lib/distswarm/identity.key";

/** Where this box announces itself. */
const SELF = "10.0.0.1";

function place(host: string, port = 8481): { host: string; port: number } {
  return { host, port };
}

test("a box elsewhere that has this box's identity is told of, until it has been silent for two minutes", () => {
  let now = 0;
  const twin = new Twin({ addresses: () => [SELF], now: () => now });
  expect(twin.problem(FILE)).toBeUndefined();
  expect(twin.heard(place("10.0.0.7"), SELF)).toBe(true);
  expect(twin.heard(place("10.0.0.7"), SELF)).toBe(false); // it is known
  expect(twin.problem(FILE)).toBe(
    `the box at 10.0.0.7 has the same identity as this one (was its disk cloned?): on one of them stop the agent, delete ${FILE}, and start it`,
  );
  now = 120_001;
  expect(twin.problem(FILE)).toBeUndefined();
});

test("what this box said itself, heard again, is no twin", () => {
  const twin = new Twin({ addresses: () => [SELF, "192.168.1.7"] });
  expect(twin.heard(place("192.168.1.7"), SELF)).toBe(false);
  expect(twin.problem(FILE)).toBeUndefined();
});

test("what this box said itself is no twin either when it comes back as the cable is pulled, and the address is gone", () => {
  const twin = new Twin({ addresses: () => ["127.0.0.1"] });
  expect(twin.heard(place(SELF), SELF)).toBe(false);
  expect(twin.problem(FILE)).toBeUndefined();
});

test("a twin that begins anew with an identity of its own is one no more; another agent beside it changes nothing", () => {
  const twin = new Twin({ addresses: () => [SELF] });
  twin.heard(place("10.0.0.7"), SELF);
  twin.heardOther(place("10.0.0.7", 8581));
  twin.heardOther(place("10.0.0.8"));
  expect(twin.problem(FILE)).toBeDefined();
  twin.heardOther(place("10.0.0.7"));
  expect(twin.problem(FILE)).toBeUndefined();
  expect(twin.heard(place("10.0.0.7"), SELF)).toBe(true); // it is news again
});
