import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type EvictionState, planEviction } from "../../src/store/eviction.ts";
import { makeBlob } from "./support/harness.ts";

const digests = ["a", "b", "c", "d"].map((seed) => makeBlob(1, seed).digest);
const [a, b, c, d] = digests;
const blobs = digests.map((digest, i) => ({ digest, size: 10, used: i }));

/** Four blobs of 10 bytes, used in the order a, b, c, d, in a store of 40 bytes with room to spare. */
function state(change: Partial<EvictionState> = {}): EvictionState {
  return {
    blobs,
    doubles: [],
    held: 40,
    free: 1000,
    outstanding: 0,
    maxSize: 40,
    minFree: 100,
    isPinned: () => false,
    isProtected: () => false,
    ...change,
  };
}

function victims(change: Partial<EvictionState>): string[] {
  return planEviction(state(change)).victims.map(({ digest }) => digest);
}

test("nothing goes while the limits hold", () => {
  expect(planEviction(state())).toEqual({ victims: [], short: 0 });
});

test("the least recently used go first, and no more than needed", () => {
  expect(victims({ held: 51 })).toEqual([a, b]);
});

test("free space counts like size, less what ingests in flight will still take", () => {
  expect(victims({ free: 100 })).toEqual([]);
  expect(victims({ free: 100, outstanding: 5 })).toEqual([a]);
});

test("what DISTDIR also holds goes before all else, with that reason", () => {
  const { victims: gone } = planEviction(state({ held: 65, doubles: [blobs[3]!, blobs[2]!] }));
  expect(gone.map(({ digest, reason }) => [digest, reason])).toEqual([
    [c, "DISTDIR holds it too"],
    [d, "DISTDIR holds it too"],
    [a, "least recently used, last on 1970-01-01"],
  ]);
});

test("no more blobs are looked at than are taken, however many there are", () => {
  function* endless() {
    yield* blobs;
    throw new Error("looked at one too many");
  }
  expect(victims({ blobs: endless(), held: 80 })).toEqual([a, b, c, d]);
});

test("what is pinned or protected stays, and the shortage is told", () => {
  const plan = planEviction(
    state({ held: 75, isPinned: (digest) => digest === a, isProtected: (digest) => digest === b }),
  );
  expect(plan.victims.map(({ digest }) => digest)).toEqual([c, d]);
  expect(plan.short).toBe(15);
});

test("whatever the numbers, the limits hold afterwards or nothing removable is left", () => {
  const stores = fc.array(fc.record({ size: fc.nat(50), used: fc.nat(9), kept: fc.boolean() }), { maxLength: 8 });
  fc.assert(
    fc.property(stores, fc.nat(200), fc.nat(200), fc.nat(200), (sizes, maxSize, free, minFree) => {
      const all = sizes.map((blob, i) => ({ ...blob, digest: makeBlob(1, i).digest }));
      const kept = new Set(all.filter((blob) => blob.kept).map(({ digest }) => digest));
      const held = all.reduce((sum, { size }) => sum + size, 0);
      const plan = planEviction(
        state({
          blobs: all,
          doubles: all.filter(({ used }) => used === 0),
          held,
          maxSize,
          free,
          minFree,
          isPinned: (digest) => kept.has(digest),
        }),
      );
      const freed = plan.victims.reduce((sum, { size }) => sum + size, 0);
      expect(plan.victims.some(({ digest }) => kept.has(digest))).toBe(false);
      expect(Math.max(held - freed - maxSize, minFree - free - freed, 0)).toBe(plan.short);
    }),
  );
});
