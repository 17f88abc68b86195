import { describe, expect, it } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { Standing } from "../../src/peer/standing.ts";

const BLOB = digestOf(Buffer.from("blob"));
const OTHER = digestOf(Buffer.from("other"));

describe("standing", () => {
  it("leaves a failing peer alone for longer each time, until it gave something", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    const leftFor = (): number => {
      const start = now;
      standing.failed("h2");
      while (standing.isLeft("h2", OTHER)) now += 1000;
      return now - start;
    };
    expect([leftFor(), leftFor(), leftFor()]).toEqual([10_000, 20_000, 40_000]);
    for (let number = 0; number < 10; number += 1) leftFor();
    expect(leftFor()).toBe(300_000);
    standing.succeeded("h2");
    expect(leftFor()).toBe(10_000);
  });

  it("leaves a peer alone once for all transfers that a moment without network breaks", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    for (let transfer = 0; transfer < 8; transfer += 1) {
      standing.failed("h2");
      now += 500;
    }
    now = 9_999;
    expect(standing.isLeft("h2", OTHER)).toBe(true);
    now = 10_000;
    expect(standing.isLeft("h2", OTHER)).toBe(false);
  });

  it("shuts out a liar for an hour, and avoids one for one blob for half a minute", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    standing.lied("liar");
    standing.avoid("h2", BLOB);
    now = 29_000;
    expect([standing.isLeft("h2", BLOB), standing.isLeft("h2", OTHER)]).toEqual([true, false]);
    now = 3_599_000;
    expect([standing.isLeft("h2", BLOB), standing.isShutOut("liar")]).toEqual([false, true]);
    now = 3_600_001;
    expect(standing.isShutOut("liar")).toBe(false);
  });

  it("takes nothing that one is still receiving that misled it over three blobs within ten minutes", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    const mislead = (name: string): boolean => {
      standing.misled("h2", digestOf(Buffer.from(name)));
      return standing.isMisleading("h2");
    };
    expect(["a", "a", "b", "c", "c", "d"].map(mislead)).toEqual([false, false, false, true, true, true]);
    expect(standing.isShutOut("h2")).toBe(false);
    now = 600_001;
    expect([standing.isMisleading("h2"), mislead("e")]).toEqual([false, false]);
  });

  it("takes nothing of a blob from one that others are raced against, until that is over", () => {
    const standing = new Standing();
    const over = [standing.doubt("h2", BLOB), standing.doubt("h2", BLOB)];
    expect([standing.isOut("h2", BLOB), standing.isOut("h2", OTHER), standing.isOut("h3", BLOB)]).toEqual([
      true,
      false,
      false,
    ]);
    over[0]!();
    expect(standing.isOut("h2", BLOB)).toBe(true);
    over[1]!();
    expect(standing.isOut("h2", BLOB)).toBe(false);
    standing.lied("h2");
    expect(standing.isOut("h2", OTHER)).toBe(true);
  });

  it("has one that was left for a faster one asked after others for a minute, which a lost answer does not shorten", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    standing.outpaced("h2");
    standing.lost("h2");
    now = 59_999;
    expect([standing.isSlow("h2"), standing.isLeft("h2", BLOB)]).toEqual([true, false]);
    now = 60_000;
    expect(standing.isSlow("h2")).toBe(false);
  });

  it("remembers a thousand peers at most, the last ones tried, and liars before all others", () => {
    const standing = new Standing();
    standing.lied("liar");
    standing.failed("tried again");
    for (let number = 0; number < 1022; number += 1) standing.failed(`peer ${number}`);
    standing.failed("tried again");
    for (let number = 0; number < 500; number += 1) standing.failed(`invented ${number}`);
    expect(standing.isShutOut("liar")).toBe(true);
    expect(["tried again", "invented 499", "peer 0"].map((id) => standing.isLeft(id, OTHER))).toEqual([
      true,
      true,
      false,
    ]);
    for (let number = 0; number < 2000; number += 1) standing.lied(`liar ${number}`);
    expect([standing.isShutOut("liar"), standing.isShutOut("liar 1999")]).toEqual([false, true]);
  });

  it("avoids four thousand blobs of peers at most, the last ones", () => {
    const standing = new Standing();
    const digest = (number: number): Digest => digestOf(Buffer.from(`${number}`));
    for (let number = 0; number <= 4096; number += 1) standing.avoid("h2", digest(number));
    expect([0, 1, 4096].map((number) => standing.isLeft("h2", digest(number)))).toEqual([false, true, true]);
  });
});
