import { describe, expect, it, vi } from "vitest";
import type { BlobStore } from "../../src/core/blob-store.ts";
import type { BlobClaims } from "../../src/core/claim/claims.ts";
import { DistswarmError, SourceError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { SourceKind } from "../../src/core/source.ts";
import { Expectations } from "../../src/retrieve/expectations.ts";
import { Flight, type FlightInit } from "../../src/retrieve/flight.ts";
import { TransferQueue } from "../../src/retrieve/transfer-queue.ts";
import { MemoryStore, RIGHT, WRONG } from "../swarm/memory-store.ts";
import { Giving, SIZE, WANT, settled } from "./rig.ts";

const never = new AbortController().signal;
const PART = SIZE / 2;
/** The blob is too large to wait for its digest where it comes from upstream alone. */
const VERIFY_FIRST = { peer: SIZE, upstream: SIZE - 1 };

/** Claims that nobody disputes; `released` is told of each whether it had failed. */
function claimsOf(released: (failed: boolean) => void): BlobClaims {
  const release = ({ failed }: { failed: boolean }): void => released(failed);
  return {
    rival: () => undefined,
    claim: async () => ({ lost: never, winner: undefined, progress: () => {}, release }),
    news: async () => {},
    wasVain: () => {},
    gave: () => {},
  };
}

interface FlightParts {
  readonly peers?: readonly Giving[];
  readonly mirrors?: readonly Giving[];
  readonly store?: { readonly forFlights: BlobStore };
  readonly released?: (failed: boolean) => void;
}

/** A flight that has these sources. */
function fly(
  { peers = [], mirrors = [], store = new MemoryStore(), released = () => {} }: FlightParts,
  init: Partial<FlightInit> = {},
): Flight {
  const finder = (sources: readonly Giving[]) => ({
    async *sources() {
      yield* sources;
    },
  });
  const awaited = { withheld: async () => [], isAwaited: () => false, onAwaited: () => () => {} };
  const sources = { peers: finder(peers), upstream: { ...finder(mirrors), ...awaited }, lastResort: finder([]) };
  const queue = new TransferQueue({ peer: 16, upstream: 8 });
  const claims = claimsOf(released);
  return new Flight(
    WANT,
    { sources, claims, store: store.forFlights, queue, expectations: new Expectations(), log: silentLogger },
    { verifyFirst: VERIFY_FIRST, finishUpTo: Infinity, ...init },
  );
}

/** A client that reads all of it: how many bytes it has, whether they are right, and how that ends. */
function client(flight: Flight): { bytes: number; isRight: boolean; readonly over: Promise<void> } {
  const reader = flight.join();
  const read = async (): Promise<void> => {
    await reader.ready(0, never);
    for await (const chunk of reader.read({ start: 0, end: SIZE }, never)) {
      got.bytes += chunk.length;
      got.isRight &&= chunk.every((byte) => byte === RIGHT);
    }
  };
  const got = { bytes: 0, isRight: true, over: read().finally(() => reader.close()) };
  got.over.catch(() => {}); // it is looked at where it counts
  return got;
}

/** A store with the first bytes of it, from an earlier run. */
async function storeWithPartial(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const ingest = await store.forFlights.ingest(WANT);
  await ingest.write(Buffer.alloc(1000, RIGHT));
  await ingest.close({ keep: true });
  return store;
}

describe("a file too large to wait for when it comes from upstream alone", () => {
  it.each<[string, SourceKind, { readonly isBegun?: boolean; readonly misled?: number }, boolean]>([
    ["streams while a mirror gives it", "upstream", {}, true],
    ["waits for its digest while a peer gives it", "peer", {}, false],
    ["waits where an earlier run left its beginning", "upstream", { isBegun: true }, false],
    ["waits where bytes that others passed on were wrong before", "upstream", { misled: 1 }, false],
  ])("%s", async (_, kind, { isBegun = false, misled = 0 }, streams) => {
    const source = new Giving("it", kind);
    const store = isBegun ? await storeWithPartial() : new MemoryStore();
    const got = client(fly({ [kind === "peer" ? "peers" : "mirrors"]: [source], store }, { misled }));
    await settled();
    await source.give(PART);
    expect(got.bytes > 0).toBe(streams);
    await source.giveRest();
    await got.over;
    expect(got).toMatchObject({ bytes: SIZE, isRight: true });
  });

  it("waits once bytes of it were wrong, and who had none of those gets right ones", async () => {
    const [peer, liar, mirror] = [new Giving("h2"), new Giving("liar", "upstream"), new Giving("m", "upstream")];
    const got = client(fly({ peers: [peer], mirrors: [liar, mirror] }));
    await settled();
    await peer.give(SIZE, WRONG);
    await liar.give(SIZE, WRONG);
    await mirror.give(PART);
    expect(got.bytes).toBe(0);
    await mirror.giveRest();
    await got.over;
    expect(got).toMatchObject({ bytes: SIZE, isRight: true });
    expect([peer.asked, liar.asked]).toEqual([[0], [0]]);
    expect([peer, liar, mirror].map(({ timesBlamed }) => timesBlamed)).toEqual([1, 1, 0]);
  });

  it("is asked of one source at a time, from its first byte, once it was wrong over bytes of several", async () => {
    const [liar, honest] = [new Giving("liar", "upstream"), new Giving("m", "upstream")];
    const flight = fly({ mirrors: [liar, honest] }, { verifyFirst: { peer: SIZE, upstream: SIZE } });
    const letGo = flight.hold();
    await settled();
    await liar.give(PART, WRONG);
    await liar.breaksOff();
    await honest.giveRest();
    await liar.give(PART, WRONG);
    await liar.breaksOff();
    await honest.giveRest();
    await flight.landed;
    expect(flight.isVerified).toBe(true);
    expect([liar.asked, honest.asked]).toEqual([
      [0, 0],
      [PART, 0],
    ]);
    expect([liar.timesBlamed, honest.timesBlamed]).toEqual([0, 0]);
    letGo();
  });

  it("was wrong over the growing copy of a box: that one is told, and may be asked again", async () => {
    const [peer, mirror] = [new Giving("h2"), new Giving("m", "upstream")];
    peer.isGrowing = true;
    const got = client(fly({ peers: [peer], mirrors: [mirror] }));
    await settled();
    await peer.give(PART, WRONG);
    peer.fault = new SourceError("BUSY", "has no more");
    await peer.giveRest(WRONG);
    await mirror.giveRest();
    await got.over;
    expect(got).toMatchObject({ bytes: SIZE, isRight: true });
    expect([peer.timesBlamed, peer.asked.length > 1]).toEqual([1, true]);
  });

  it("comes right to who joined while wrong bytes of it streamed, and began to read after these were dropped", async () => {
    const [liar, mirror] = [new Giving("liar", "upstream"), new Giving("m", "upstream")];
    const flight = fly({ mirrors: [liar, mirror] });
    const letGo = flight.hold();
    await settled();
    await liar.give(SIZE, WRONG);
    const got = client(flight);
    await mirror.give(PART);
    expect(got.bytes).toBe(0);
    await mirror.giveRest();
    await got.over;
    expect(got).toMatchObject({ bytes: SIZE, isRight: true });
    letGo();
  });

  it("is given to its end, wrong as it is, to who has bytes of it, and to nobody else", async () => {
    const [liar, peer] = [new Giving("liar", "upstream"), new Giving("h2")];
    const peers: Giving[] = [];
    const flight = fly({ peers, mirrors: [liar] });
    const [begun, late] = [flight.join(), flight.join()];
    const bytes = begun.read({ start: 0, end: SIZE }, never);
    await settled();
    await liar.give(PART, WRONG);
    let received = (await bytes.next()).value!.length;
    peers.push(peer); // whose bytes wait, for the whole
    await liar.breaksOff(new SourceError("BROKEN", "it broke"));
    await peer.giveRest(WRONG);
    await expect(late.ready(0, never)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(flight.isOpen).toBe(false);
    for await (const chunk of bytes) received += chunk.length;
    expect(received).toBe(SIZE);
    begun.close();
    late.close();
  });
});

describe("the growing copy of a flight", () => {
  it("that began again is read on by no box that has the bytes of before", async () => {
    const [liar, mirror] = [new Giving("h2"), new Giving("m", "upstream")];
    const flight = fly({ peers: [liar], mirrors: [mirror] });
    const letGo = flight.hold();
    await settled();
    await liar.give(PART, WRONG);
    const before = flight.openGrowing()!;
    await before.grown(0, never);
    expect(before.isRoot).toBe(false);
    await liar.giveRest(WRONG);
    await mirror.give(PART + 1);
    await expect(before.grown(PART, never)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    const anew = flight.openGrowing()!;
    expect(anew.received).toBe(PART + 1);
    await anew.grown(PART, never);
    expect(anew.isRoot).toBe(true);
    await mirror.giveRest();
    await flight.landed;
    expect([flight.isVerified, anew.isRoot]).toEqual([true, true]);
    before.close();
    anew.close();
    letGo();
  });

  it("is none where the store cannot keep it: a client gets it all the same, and without one nobody is asked", async () => {
    const full = new DistswarmError("STORE_FULL", "no room");
    const store = { forFlights: { ingest: () => Promise.reject(full) } as Partial<BlobStore> as BlobStore };
    const mirror = new Giving("m", "upstream");
    const unread = fly({ mirrors: [mirror], store });
    const letGo = unread.hold();
    await unread.landed;
    expect([unread.error, mirror.asked]).toEqual([full, []]);
    letGo();

    const flight = fly({ mirrors: [mirror], store });
    const got = client(flight);
    await settled();
    await mirror.give(PART);
    expect([got.bytes, flight.received, flight.openGrowing()]).toEqual([PART, 0, undefined]);
    await mirror.giveRest();
    await got.over;
    expect(got).toMatchObject({ bytes: SIZE, isRight: true });
  });
});

describe("a flight that nobody waits for any more", () => {
  it("gives its copy back, and not before", async () => {
    const memory = new MemoryStore();
    const closing = vi.fn<(options: { keep: boolean }) => void>();
    const ingest: BlobStore["ingest"] = async (blob) => {
      const opened = await memory.forFlights.ingest(blob);
      const close = opened.close.bind(opened);
      return Object.assign(opened, { close: (options: { keep: boolean }) => (closing(options), close(options)) });
    };
    const mirror = new Giving("m", "upstream");
    const flight = fly({ mirrors: [mirror], store: { forFlights: { ingest } as Partial<BlobStore> as BlobStore } });
    const reader = flight.join();
    await settled();
    await mirror.giveRest();
    await flight.landed;
    await settled();
    expect(closing).not.toHaveBeenCalled();
    reader.close();
    await settled();
    expect(closing).toHaveBeenCalledOnce();
  });

  it.each([
    ["goes on where little is missing", PART, true],
    ["ends where much is, and the next one goes on where it ended", PART - 1, false],
  ])("%s", async (_, finishUpTo, goesOn) => {
    const mirror = new Giving("m", "upstream");
    const store = new MemoryStore();
    const released: boolean[] = [];
    const parts = { mirrors: [mirror], store, released: (failed: boolean) => void released.push(failed) };
    const flight = fly(parts, { finishUpTo });
    const letGo = flight.hold();
    await settled();
    await mirror.give(PART);
    letGo();
    expect(flight.isOpen).toBe(goesOn);
    await settled();
    const next = goesOn ? flight : fly(parts);
    await settled();
    expect([mirror.asked, released]).toEqual(goesOn ? [[0], []] : [[0, PART], [false]]);
    await mirror.giveRest();
    await next.landed;
    expect([next.isVerified, flight.isVerified]).toEqual([true, goesOn]);
  });
});
