import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { yieldsTo, type OwnWeighedClaim } from "../../src/swarm/claim-order.ts";

const SUBJECT = "ab".repeat(64);
/** Two ids: BLAKE2b(SUBJECT, id) begins with 8c for the one, with 98 for the other. */
const LOWER = "2".repeat(64);
const HIGHER = "1".repeat(64);

const own = (more: Partial<OwnWeighedClaim> = {}): OwnWeighedClaim => {
  return { id: HIGHER, failures: 0, base: 0, isProven: false, isSilent: false, ...more };
};

describe("a claim", () => {
  it("yields to the lower hash when nothing else tells them apart", () => {
    expect(yieldsTo(SUBJECT, own(), { id: LOWER, failures: 0, base: 0, isProven: false })).toBe(true);
    expect(yieldsTo(SUBJECT, own({ id: LOWER }), { id: HIGHER, failures: 0, base: 0, isProven: false })).toBe(false);
  });

  it("yields to one that began with more bytes, whatever the hashes say", () => {
    expect(yieldsTo(SUBJECT, own({ id: LOWER }), { id: HIGHER, failures: 0, base: 1, isProven: false })).toBe(true);
    expect(yieldsTo(SUBJECT, own({ base: 2 }), { id: LOWER, failures: 0, base: 1, isProven: false })).toBe(false);
  });

  it("yields to one that brings bytes when it brings none, and never the other way round", () => {
    expect(yieldsTo(SUBJECT, own({ id: LOWER, base: 9 }), { id: HIGHER, failures: 0, base: 0, isProven: true })).toBe(
      true,
    );
    expect(yieldsTo(SUBJECT, own({ isProven: true }), { id: LOWER, failures: 0, base: 9, isProven: false })).toBe(
      false,
    );
  });

  it("yields to that of a box whose sources have failed less often, unless it alone brings bytes", () => {
    const [tried, fresh] = [
      { base: 9, failures: 1 },
      { base: 0, failures: 0 },
    ];
    expect(yieldsTo(SUBJECT, own({ id: LOWER, ...tried }), { id: HIGHER, isProven: false, ...fresh })).toBe(true);
    expect(yieldsTo(SUBJECT, own(fresh), { id: LOWER, isProven: false, ...tried })).toBe(false);
    expect(yieldsTo(SUBJECT, own({ isProven: true, ...tried }), { id: LOWER, isProven: false, ...fresh })).toBe(false);
  });

  it("that is silent is kept until another one brings bytes: its mirror may be slow, and the only one", () => {
    expect(yieldsTo(SUBJECT, own({ isSilent: true }), { id: LOWER, failures: 0, base: 9, isProven: false })).toBe(
      false,
    );
    expect(yieldsTo(SUBJECT, own({ isSilent: true }), { id: LOWER, failures: 0, base: 9, isProven: true })).toBe(true);
  });

  it("of two exactly one yields, when both know of each other", () => {
    const claim = fc.record({ failures: fc.nat(2), base: fc.nat(3), isProven: fc.boolean() });
    fc.assert(
      fc.property(claim, claim, (one, two) => {
        const [a, b] = [
          { ...one, id: LOWER },
          { ...two, id: HIGHER },
        ];
        const yields = [yieldsTo(SUBJECT, own(a), b), yieldsTo(SUBJECT, own(b), a)];
        expect(yields.filter(Boolean)).toHaveLength(1);
      }),
    );
  });
});
