import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { worthRacing, type RaceFacts } from "../../src/retrieve/worth-racing.ts";

const KIB = 1024;
const MIB = 2 ** 20;

/** A peer that trickles a large file, on a LAN and a line that give much more. */
const TRICKLE: RaceFacts = {
  rate: 40 * KIB,
  isGrowing: false,
  left: { peer: 40 * MIB, upstream: 40 * MIB },
  expected: { peer: 100 * MIB, upstream: 20 * MIB },
  transfers: 1,
};

describe("what is raced against a source", () => {
  it("are peers, and then upstream, when it gives far less than both", () => {
    expect(worthRacing(TRICKLE)).toEqual(["peer", "upstream"]);
  });

  it("is nothing when it is as fast as can be expected, or an eighth of that: the line may be shared", () => {
    expect(worthRacing({ ...TRICKLE, rate: 100 * MIB })).toEqual([]);
    expect(worthRacing({ ...TRICKLE, rate: 100 * (MIB / 8) + 1 })).toEqual([]);
    expect(worthRacing({ ...TRICKLE, rate: 100 * (MIB / 8) })).toEqual(["peer"]);
  });

  it("are those that may be expected to save more than ten seconds: peers by half, upstream, whose line is others', too, by three quarters", () => {
    const racedFor = (mib: number, rate: number, isGrowing = false): readonly string[] =>
      worthRacing({
        ...TRICKLE,
        rate,
        isGrowing,
        left: { peer: mib * MIB, upstream: mib * MIB },
        expected: { peer: 100 * MIB, upstream: 100 * MIB },
      });
    expect([racedFor(1000, 50 * MIB), racedFor(1001, 50 * MIB)]).toEqual([[], ["peer"]]);
    expect(racedFor(10_000, 51 * MIB)).toEqual([]); // it could win no race
    expect([racedFor(300, 25 * MIB), racedFor(350, 25 * MIB)]).toEqual([[], ["peer", "upstream"]]);
    expect(racedFor(10_000, 26 * MIB)).toEqual(["peer"]);
    expect(racedFor(10_000, 25 * MIB, true)).toEqual(["peer"]); // the line may be slow for all
    expect(racedFor(10_000, 12.5 * MIB, true)).toEqual(["peer", "upstream"]);
  });

  it("is not upstream where that is hardly faster than the slow peer", () => {
    expect(worthRacing({ ...TRICKLE, expected: { peer: 0, upstream: 150 * KIB } })).toEqual([]);
    expect(worthRacing({ ...TRICKLE, expected: { peer: 100 * MIB, upstream: 150 * KIB } })).toEqual(["peer"]);
  });

  it("is nothing of a kind that nothing is expected of", () => {
    expect(worthRacing({ ...TRICKLE, expected: { peer: 0, upstream: 0 } })).toEqual([]);
  });

  it("is nothing when a second is enough for the rest", () => {
    expect(worthRacing({ ...TRICKLE, left: { peer: 40 * KIB, upstream: 40 * KIB } })).toEqual([]);
    expect(worthRacing({ ...TRICKLE, left: { peer: 41 * KIB, upstream: 41 * KIB } })).toEqual(["peer", "upstream"]);
  });

  it("is no peer when the others have no more than this box, as where all wait for upstream", () => {
    expect(worthRacing({ ...TRICKLE, left: { peer: 10 * KIB, upstream: 40 * MIB } })).toEqual(["upstream"]);
  });

  it("is nothing when it is silent: that is another rule's affair", () => {
    expect(worthRacing({ ...TRICKLE, rate: 0 })).toEqual([]);
  });

  it("is less, the more transfers share the lines of this box", () => {
    const facts = { ...TRICKLE, rate: 1.5 * MIB, left: { peer: 10 * MIB, upstream: 10 * MIB } };
    const raced = [1, 2, 64].map((transfers) => worthRacing({ ...facts, transfers }));
    expect(raced).toEqual([["peer", "upstream"], ["peer"], []]);
  });

  it("never grows when the source gets faster", () => {
    const bytes = fc.integer({ min: 0, max: 1e9 });
    const kinds = fc.record({ peer: bytes, upstream: bytes });
    const facts = fc.record({
      rate: bytes,
      isGrowing: fc.boolean(),
      left: kinds,
      expected: kinds,
      transfers: fc.integer({ min: 1, max: 24 }),
    });
    fc.assert(
      fc.property(facts, bytes, (slow, more) => {
        fc.pre(slow.rate > 0);
        const faster = worthRacing({ ...slow, rate: slow.rate + more });
        expect(worthRacing(slow)).toEqual(expect.arrayContaining([...faster]));
      }),
    );
  });
});
