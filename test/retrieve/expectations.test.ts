import { describe, expect, it } from "vitest";
import { Expectations } from "../../src/retrieve/expectations.ts";

const MIB = 2 ** 20;
const WHOLE = { isGrowing: false };

function atTime(): { expectations: Expectations; pass: (ms: number) => void } {
  let now = 0;
  return { expectations: new Expectations({ now: () => now }), pass: (ms) => void (now += ms) };
}

describe("what a kind of source may be expected to give", () => {
  it("is what a slow LAN and a common line give, while nothing is known", () => {
    const { expectations } = atTime();
    expect([expectations.of("peer", WHOLE), expectations.of("upstream", WHOLE)]).toEqual([8 * MIB, 8 * MIB]);
  });

  it("is less of upstream beside a growing copy, which may come over the same slow line", () => {
    const { expectations } = atTime();
    const isGrowing = true;
    expect([expectations.of("peer", { isGrowing }), expectations.of("upstream", { isGrowing })]).toEqual([
      8 * MIB,
      MIB,
    ]);
    expectations.gave("upstream", { bytes: 40 * MIB, ms: 2000 });
    expect(expectations.of("upstream", { isGrowing })).toBe(20 * MIB);
  });

  it("is the best of late, each kind by itself, and is forgotten by and by", () => {
    const { expectations, pass } = atTime();
    expectations.gave("upstream", { bytes: 40 * MIB, ms: 2000 });
    expectations.gave("upstream", { bytes: 40 * MIB, ms: 20_000 });
    expect([expectations.of("peer", WHOLE), expectations.of("upstream", WHOLE)]).toEqual([8 * MIB, 20 * MIB]);
    pass(600_000);
    expect(expectations.of("upstream", WHOLE)).toBe(10 * MIB);
    expectations.gave("upstream", { bytes: 30 * MIB, ms: 2000 });
    expect(expectations.of("upstream", WHOLE)).toBe(15 * MIB);
  });

  it("is not learnt from small files", () => {
    const { expectations } = atTime();
    expectations.gave("peer", { bytes: 200_000, ms: 0 });
    expect(expectations.of("peer", WHOLE)).toBe(8 * MIB);
  });

  it("is nothing for a while after a race was lost, for longer after each further one, until one is won", () => {
    const { expectations, pass } = atTime();
    const nothingFor = (): number => {
      expectations.raced("upstream", { isWon: false });
      let ms = 0;
      for (; expectations.of("upstream", WHOLE) === 0; ms += 1000) pass(1000);
      return ms;
    };
    expect([nothingFor(), nothingFor(), nothingFor()]).toEqual([15_000, 30_000, 60_000]);
    expect(expectations.of("peer", WHOLE)).toBeGreaterThan(0);
    for (let race = 0; race < 5; race += 1) nothingFor();
    expect(nothingFor()).toBe(240_000);
    expectations.raced("upstream", { isWon: true });
    expect(nothingFor()).toBe(15_000);
  });

  it("is given up for as long by races that are lost at the same time as by one", () => {
    const { expectations, pass } = atTime();
    for (let race = 0; race < 5; race += 1) expectations.raced("upstream", { isWon: false });
    pass(15_000);
    expect(expectations.of("upstream", WHOLE)).toBeGreaterThan(0);
  });
});
