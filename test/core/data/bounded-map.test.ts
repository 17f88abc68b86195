import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BoundedMap } from "../../../src/core/data/bounded-map.ts";

test("the entry that was set longest ago is forgotten for one too many, whenever it was set first", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1).set("b", 2).set("a", 3).set("c", 4);
  expect([...map]).toEqual([
    ["a", 3],
    ["c", 4],
  ]);
});

test("whatever is set and deleted, the entries set last are there, in the order in which they were set", () => {
  const key = fc.nat(9);
  const change = fc.record({ key, value: fc.option(fc.nat()) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(change), (max, changes) => {
      const map = new BoundedMap<number, number>(max);
      let entries: [number, number][] = [];
      for (const { key, value } of changes) {
        entries = entries.filter(([other]) => other !== key);
        if (value === null) map.delete(key);
        else {
          map.set(key, value);
          entries = [...entries, [key, value] as [number, number]].slice(-max);
        }
      }
      expect([...map]).toEqual(entries);
    }),
  );
});
