import { describe, expect, it } from "vitest";
import { FloodGuard, MEMBER_LIMITS, STRANGER_LIMITS } from "../../src/swarm/flood-guard.ts";
import { Members } from "../../src/swarm/members.ts";
import { Penalties } from "../../src/swarm/penalties.ts";

describe("a flood guard", () => {
  it("lets a full list of a million haves through at once", () => {
    const guard = new FloodGuard(MEMBER_LIMITS, 0);
    const taken = Array.from({ length: 245 }, () => guard.takes(65_600, 0));
    expect(taken.every(Boolean)).toBe(true);
  });

  it("stops who goes on sending faster than allowed, and forgives with time", () => {
    const guard = new FloodGuard(MEMBER_LIMITS, 0);
    for (let number = 0; number < 4000; number += 1) expect(guard.takes(10, 0)).toBe(true);
    expect(guard.takes(10, 0)).toBe(false);
    expect(guard.takes(10, 1000)).toBe(true);
  });

  it("bounds bytes as it does messages, and lets nobody save up for a flood", () => {
    const guard = new FloodGuard(MEMBER_LIMITS, 0);
    const hour = 3_600_000;
    expect([guard.takes(64 * 2 ** 20, 0), guard.takes(1, 0)]).toEqual([true, false]);
    expect([guard.takes(64 * 2 ** 20, hour), guard.takes(1, hour)]).toEqual([true, false]);
    const taken = Array.from({ length: 4001 }, () => guard.takes(0, 2 * hour));
    expect([taken[3999], taken[4000]]).toEqual([true, false]);
  });

  it("gives a stranger room for a proof, and no more ever", () => {
    const guard = new FloodGuard(STRANGER_LIMITS, 0);
    expect(guard.takes(100, 0)).toBe(true);
    expect(guard.takes(5000, 3_600_000)).toBe(false);
  });
});

describe("members", () => {
  it("are admitted for ten minutes after their session ended", () => {
    let now = 0;
    const members = new Members({ now: () => now });
    members.joined("h2");
    now = 1e9;
    expect(members.admits("h2")).toBe(true);
    members.left("h2");
    now += 599_999;
    expect(members.admits("h2")).toBe(true);
    now += 2;
    expect(members.admits("h2")).toBe(false);
  });

  it("that were expelled, or were never in, are not admitted by leaving", () => {
    const members = new Members();
    members.joined("h2");
    members.expel("h2");
    members.left("h2");
    members.left("h3");
    expect([members.admits("h2"), members.admits("h3")]).toEqual([false, false]);
  });
});

describe("penalties", () => {
  it("are remembered of so many boxes, however many an outsider invents", () => {
    const penalties = new Penalties({ now: () => 0 });
    for (let number = 0; number <= 1024; number += 1) penalties.add(`h${number}`, 100);
    expect([penalties.has("h0"), penalties.has("h1"), penalties.has("h1024")]).toEqual([false, true, true]);
  });

  it("end by themselves, or when all are forgiven", () => {
    let now = 0;
    const penalties = new Penalties({ now: () => now });
    penalties.add("h2", 100);
    penalties.add("h3", 300);
    expect(penalties.has("h2")).toBe(true);
    now = 101;
    expect([penalties.has("h2"), penalties.has("h3")]).toEqual([false, true]);
    penalties.add("h3", 100); // a new one takes the place of the old one
    now = 202;
    expect(penalties.has("h3")).toBe(false);
    penalties.add("h3", 100);
    penalties.clear();
    expect(penalties.has("h3")).toBe(false);
  });
});
