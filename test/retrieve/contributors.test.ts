import { expect, test } from "vitest";
import type { Source } from "../../src/core/source.ts";
import { Contributors } from "../../src/retrieve/contributors.ts";

/** A box that gives; what it is still receiving itself, or what it has checked. */
function box(giver: string, { isGrowing = false, label = `${giver} (10.0.0.1)` } = {}): Source {
  const open = (): never => {
    throw new Error("it is not asked here");
  };
  return { kind: "peer", label, giver, isGrowing, open, blame: () => {} };
}

test("a box that gave bytes while it received them, and then whole ones, is not the only one to blame", () => {
  const contributors = new Contributors();
  const early = box("a", { isGrowing: true });
  contributors.add(early);
  contributors.add(box("a"));
  expect(contributors.only).toBeUndefined();
  expect(contributors.growing).toEqual([early]);
  expect(contributors.names).toBe("a (10.0.0.1)");
});

test("two boxes of one name and address are two", () => {
  const contributors = new Contributors();
  contributors.add(box("a", { label: "gentoo (10.0.0.1)" }));
  expect(contributors.only?.giver).toBe("a");
  contributors.add(box("b", { label: "gentoo (10.0.0.1)" }));
  expect(contributors.only).toBeUndefined();
  expect(contributors.has(box("b", { label: "gentoo (10.0.0.1)" }))).toBe(true);
  expect(contributors.has(box("c", { label: "gentoo (10.0.0.1)" }))).toBe(false);
});

test("bytes of an earlier run have nobody to blame", () => {
  const contributors = new Contributors();
  contributors.addEarlierRun();
  expect(contributors.only).toBeUndefined();
  expect(contributors.origin).toBe("upstream");
  contributors.clear();
  contributors.add(box("a"));
  expect(contributors.origin).toBe("peer");
});
