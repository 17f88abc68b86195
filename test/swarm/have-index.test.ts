import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { DigestSet, prefixOf } from "../../src/swarm/digest-set.ts";
import { HaveIndex } from "../../src/swarm/have-index.ts";

/** Few different prefixes, that of zeros among them, so that the same ones come and go. */
const prefix = fc.integer({ min: 0, max: 60 }).map((number) => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(number, 4 * (number % 4));
  return bytes;
});
const step = fc.record({ action: fc.constantFrom("add", "delete", "has"), prefix });

describe("a set of digest prefixes", () => {
  it("answers as a plain set does, whatever is added and removed", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const set = new DigestSet();
        const model = new Set<string>();
        for (const { action, prefix } of steps) {
          const key = prefix.toString("hex");
          const present = model.has(key);
          expect(set[action as "add"](prefix)).toBe(action === "add" ? !present : present);
          if (action === "add") model.add(key);
          if (action === "delete") model.delete(key);
          expect(set.size).toBe(model.size);
        }
        const all = set.toBuffer().toString("hex").match(/.{32}/g) ?? [];
        expect(all.sort()).toEqual([...model].sort());
      }),
    );
  });

  it("finds all of many", () => {
    const bytes = randomBytes(16 * 20_000);
    const set = new DigestSet();
    for (let at = 0; at < bytes.length; at += 16) set.add(bytes, at);
    for (let at = 0; at < bytes.length; at += 16) expect(set.has(bytes, at)).toBe(true);
    expect(set.size).toBe(20_000);
  });
});

describe("the have index", () => {
  const held = prefixOf(digestOf(Buffer.from("held")));
  const other = prefixOf(digestOf(Buffer.from("other")));

  it("names all who hold a blob, and nobody for one that is held by none", () => {
    const index = new HaveIndex();
    index.add("h1", Buffer.concat([held, other]));
    index.add("h2", held);
    expect(index.holders(held)).toEqual(["h1", "h2"]);
    expect(index.holders(other)).toEqual(["h1"]);
    expect(index.holders(prefixOf(digestOf(Buffer.from("nobody"))))).toEqual([]);
  });

  it("forgets what a peer removed, and a peer that left", () => {
    const index = new HaveIndex();
    index.add("h1", Buffer.concat([held, other]));
    index.add("h2", held);
    index.remove("h1", held);
    expect(index.holders(held)).toEqual(["h2"]);
    index.drop("h2");
    expect(index.holders(held)).toEqual([]);
    expect(index.size).toBe(1);
    expect(index.count("h1")).toBe(1);
  });

  it("holds a million haves of 64 peers in less than 128 MiB", () => {
    const index = new HaveIndex();
    for (let peer = 0; peer < 64; peer += 1) index.add(`h${peer}`, randomBytes(16 * 15_625));
    expect(index.size).toBe(1_000_000);
    expect(index.bytes).toBeLessThan(128 * 2 ** 20);
    expect(index.holders(randomBytes(16))).toEqual([]);
  });

  it("takes no more than its limit", () => {
    const index = new HaveIndex({ maxHaves: 2 });
    index.add("h1", held);
    index.add("h2", other);
    index.add("h2", held);
    expect(index.size).toBe(2);
    expect([index.isPartial("h1"), index.isPartial("h2")]).toEqual([false, true]);
  });

  it("gives up what peers that are gone held, and then what the one says that holds most, for others that hold less", () => {
    const index = new HaveIndex({ maxHaves: 10 });
    index.add("gone", randomBytes(16));
    index.hide("gone");
    index.add("liar", randomBytes(16 * 9));
    index.add("h2", held);
    expect([index.isPartial("gone"), index.isPartial("liar")]).toEqual([true, false]);
    index.add("h2", other);
    expect(index.holders(other)).toEqual(["h2"]);
    expect([index.isPartial("h2"), index.isPartial("liar")]).toEqual([false, true]);
    expect(index.count("liar")).toBe(0);
    expect(index.hasRoom()).toBe(true);
  });
});
