import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { prefixOf } from "../../src/swarm/digest-set.ts";
import { HaveIndex } from "../../src/swarm/have-index.ts";
import { HavesOfPeers } from "../../src/swarm/haves-of-peers.ts";
import { LocalHaves } from "../../src/swarm/local-haves.ts";
import { RuleBroken } from "../../src/swarm/messages.ts";
import { PeerHaves } from "../../src/swarm/peer-haves.ts";
import { heapBytes } from "../support/left-behind.ts";

const BLOBS = Array.from({ length: 12 }, (_, number) => digestOf(Buffer.from(`blob ${number}`)));

const step = fc.oneof(
  fc.record({ action: fc.constantFrom("add", "remove"), blob: fc.constantFrom(...BLOBS) }),
  fc.record({ action: fc.constantFrom("tell", "lose the session", "restart"), blob: fc.constant(BLOBS[0]!) }),
);

/** One box that tells another what it holds, as two sessions do, with messages handed over by hand. */
class Pair {
  local = new LocalHaves();
  readonly index = new HaveIndex();
  readonly seen = new PeerHaves(this.index, "peer");
  #told: number | undefined;
  #greeted = false;

  tell(): void {
    this.#greet();
    const change = this.#told === undefined ? undefined : this.local.changesSince(this.#told);
    if (change === undefined) this.#tellAll();
    else this.seen.onChange({ type: "change", ...change });
    this.#told = this.local.sequence;
  }

  lose(): void {
    this.seen.onEnd();
    this.#greeted = false;
  }

  restart(held: ReadonlySet<Digest>): void {
    if (this.#greeted) this.lose();
    this.local = new LocalHaves();
    for (const digest of held) this.local.add(digest);
  }

  #greet(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    const { known } = this.seen;
    this.#told = known?.instance.equals(this.local.instance) === true ? known.sequence : undefined;
    this.seen.onHello({ type: "hello", host: "", version: "", port: 1, instance: this.local.instance });
  }

  #tellAll(): void {
    const parts = this.local.parts(2);
    const { sequence } = this.local;
    for (const [number, prefixes] of parts.entries()) {
      this.seen.onHaves({
        type: "haves",
        sequence,
        prefixes,
        first: number === 0,
        last: number === parts.length - 1,
      });
    }
  }
}

describe("what a peer holds", () => {
  it("is known rightly after each word of it, through lost sessions and restarts", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pair = new Pair();
        const held = new Set<Digest>();
        for (const { action, blob } of steps) {
          if (action === "add" && pair.local.add(blob)) held.add(blob);
          if (action === "remove" && pair.local.remove(blob)) held.delete(blob);
          if (action === "lose the session") pair.lose();
          if (action === "restart") pair.restart(held);
          if (action !== "tell") continue;
          pair.tell();
          for (const other of BLOBS) expect(pair.index.holders(prefixOf(other)).length === 1).toBe(held.has(other));
        }
      }),
    );
  });

  it("counts for nothing while there is no session", () => {
    const pair = new Pair();
    pair.local.add(BLOBS[0]!);
    pair.tell();
    pair.lose();
    expect(pair.index.holders(prefixOf(BLOBS[0]!))).toEqual([]);
    expect(pair.index.size).toBe(1);
  });

  it("is kept for as long as it is a member, and forgotten with that", () => {
    const haves = new HavesOfPeers();
    const peer = haves.of("h2");
    haves.joined("h2", peer);
    peer.onHello({ type: "hello", host: "", version: "", port: 1, instance: Buffer.alloc(8) });
    peer.onHaves({ type: "haves", sequence: 2, prefixes: prefixOf(BLOBS[0]!), first: true, last: true });
    haves.left("h2", () => true);
    expect([haves.size, haves.of("h2").known?.sequence]).toEqual([1, 2]);
    haves.left("h3", (id) => id !== "h2"); // whoever leaves next
    expect([haves.size, haves.of("h2").known]).toEqual([0, undefined]);
  });

  it("is a million blobs at most", () => {
    const seen = new PeerHaves(new HaveIndex(), "h2");
    const say = (count: number): void =>
      seen.onHaves({ type: "haves", sequence: 1, prefixes: Buffer.alloc(16 * count), first: true, last: true });
    expect(() => say(1_000_000)).not.toThrow();
    expect(() => say(1_000_001)).toThrow(RuleBroken);
  });

  it("is asked for in full when it was not taken in for want of room", () => {
    const index = new HaveIndex({ maxHaves: 1 });
    const seen = new PeerHaves(index, "h2");
    const prefixes = Buffer.concat(BLOBS.slice(0, 2).map(prefixOf));
    seen.onHello({ type: "hello", host: "", version: "", port: 1, instance: Buffer.alloc(8) });
    seen.onHaves({ type: "haves", sequence: 2, prefixes, first: true, last: true });
    expect(seen.known).toBeUndefined();
    seen.onHaves({ type: "haves", sequence: 3, prefixes: prefixOf(BLOBS[0]!), first: true, last: true });
    expect(seen.known?.sequence).toBe(3);
  });

  it("is told in full to a peer that was gone for more changes than are kept", () => {
    const local = new LocalHaves();
    for (let number = 0; number < 5000; number += 1) {
      if (number % 2 === 0) local.add(BLOBS[0]!);
      else local.remove(BLOBS[0]!);
    }
    expect(local.changesSince(100)).toBeUndefined();
    expect(local.changesSince(4990)).toMatchObject({ since: 4990, sequence: 5000, added: Buffer.alloc(0) });
    expect(local.changesSince(5001)).toBeUndefined();
  });
});

test("sessions that begin together tell what is here from one copy, until that changes", () => {
  const local = new LocalHaves();
  for (const digest of BLOBS) local.add(digest);
  const [first, again] = [local.parts(5), local.parts(5)];
  expect(again).toEqual(first);
  expect(again[0]!.buffer).toBe(first[0]!.buffer);
  local.remove(BLOBS[0]!);
  expect(Buffer.concat(local.parts(5))).toHaveLength(11 * 16);
  expect(Buffer.concat(first)).toHaveLength(12 * 16);
});

test("a change that is remembered holds none of the memory that others took from Node's pool meanwhile", async () => {
  const local = new LocalHaves();
  const before = heapBytes();
  for (let number = 0; number < 1000; number += 1) {
    local.add(digestOf(Buffer.from(`${number}`)));
    for (let others = 0; others < 3; others += 1) Buffer.from("x".repeat(4000));
  }
  await expect.poll(() => heapBytes() - before).toBeLessThan(2 ** 20); // what is swept is counted a moment later
  expect(local.sequence).toBe(1000);
});
