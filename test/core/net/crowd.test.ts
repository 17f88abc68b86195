import { describe, expect, it } from "vitest";
import { Crowd } from "../../../src/core/net/crowd.ts";

describe("a crowd", () => {
  it("sends away the oldest of an address that brings too many", () => {
    const crowd = new Crowd<string>({ max: 10, maxOfAddress: 2 });
    expect(crowd.add("a", "h2")).toBeUndefined();
    expect(crowd.add("b", "h3")).toBeUndefined();
    expect(crowd.add("c", "h3")).toBeUndefined();
    expect(crowd.add("d", "h3")).toBe("b");
    expect([...crowd]).toEqual(["a", "c", "d"]);
  });

  it("sends away the oldest of all when many addresses bring a few each", () => {
    const crowd = new Crowd<number>({ max: 3, maxOfAddress: 2 });
    for (const one of [1, 2, 3]) expect(crowd.add(one, `h${one}`)).toBeUndefined();
    crowd.delete(1);
    expect(crowd.add(4, "h4")).toBeUndefined();
    expect(crowd.add(5, "h5")).toBe(2);
  });
});
