import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { badPeers } from "../support/zoo/bad-peers.ts";
import { atFirst, cut, oneWrongByte, wrongOffset, type Behaviour } from "../support/zoo/zoo.ts";
import { begin, startDeaf, testBoxes } from "./boxes.ts";
import { makeIdentity, retrieve, startBadPeer, wantOf, type AskingBox, type BadPeer } from "./rig.ts";

const FILE = randomBytes(2 * 2 ** 20 + 12_345);
/** More than the sockets between two boxes hold. */
const LARGE = randomBytes(40 * 2 ** 20);

const { asking, kept, serving } = testBoxes();

const exchanged =
  (behaviour: Behaviour) =>
  (request: IncomingMessage, response: ServerResponse): void =>
    void behaviour({ request, response, name: "", url: "", file: FILE });

/** Peers that do wrong, each in its own way. */
const ZOO = Object.entries({ ...badPeers, "starts elsewhere than asked": atFirst(cut, 1, wrongOffset) }).map(
  ([name, behaviour]) => [name, exchanged(behaviour)] as const,
);

describe("a bad peer that", () => {
  it.each(ZOO)("%s costs at most 3 s while an honest one is left", async (_name, behave) => {
    const bad: BadPeer = kept(await startBadPeer(behave));
    const box = await asking(bad, await serving(FILE));
    const began = performance.now();
    const { bytes } = await retrieve(box, FILE);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(bytes.equals(FILE)).toBe(true);
    expect(bad.requests).toBe(1);
  });

  it("did any of it does not keep the others from giving a file", async () => {
    const bad = await Promise.all(ZOO.map(async ([, behave]) => kept(await startBadPeer(behave))));
    const box = await asking(...bad, await serving(FILE));
    let bytes: Buffer | undefined;
    // Bytes of several peers that are wrong together mark nobody, so the way to the honest one may take a few rounds.
    for (let round = 0; round < 5 && bytes === undefined; round += 1) {
      bytes = await retrieve(box, FILE).then(
        (done) => done.bytes,
        () => undefined,
      );
    }
    expect(bytes?.equals(FILE)).toBe(true);
  }, 60_000);

  it("lies is shut out, for other blobs too", async () => {
    const liar = kept(await startBadPeer(exchanged(oneWrongByte())));
    const box = await asking(liar);
    await expect(retrieve(box, FILE)).rejects.toThrow("no peer gave it");
    await expect(retrieve(box, LARGE)).rejects.toThrow("no peer gave it");
    await expect(retrieve(box, FILE)).rejects.toThrow("no peer gave it");
    expect(liar.requests).toBe(1);
  });
});

describe("holders", () => {
  it("of which one is dead cost 0.1 s, and the dead one is asked after the others from then on", async () => {
    const dead = kept(await startDeaf());
    const box = await asking(dead, await serving(FILE));
    const first = await timed(() => retrieve(box, FILE));
    const second = await timed(() => retrieve(box, FILE));
    expect(first).toBeGreaterThanOrEqual(95);
    expect(first).toBeLessThan(1000);
    expect(second).toBeLessThan(95);
  });

  it("that are all dead cost at most 1.2 s, once", async () => {
    const box = await asking(kept(await startDeaf()));
    expect(await timed(() => retrieve(box, FILE).catch(() => {}))).toBeLessThan(1200);
    expect(await timed(() => retrieve(box, FILE).catch(() => {}))).toBeLessThan(100);
  });

  it("that are slow are given more time as the last resort, and are left alone no more once they gave all", async () => {
    let answer = (): void => {};
    const slow = kept(
      await startBadPeer((request, response) => {
        answer = () => void response.end(FILE.subarray(begin(request, response, FILE)));
        if (slow.requests > 1) answer();
      }),
    );
    const box = await asking(slow);
    const isLeft = (): boolean => box.standing.isLeft(slow.holder.id, digestOf(LARGE));
    await expect(retrieve(box, FILE)).rejects.toThrow("no peer gave it");
    expect(isLeft()).toBe(true);
    const patient = { ...box, sources: box.sources.lastResort as AskingBox["sources"] };
    expect((await retrieve(patient, FILE)).bytes.equals(FILE)).toBe(true);
    expect(isLeft()).toBe(false);
  });

  it("that answer with another key than theirs are asked nothing", async () => {
    const real = await serving(FILE);
    const impostor = { ...real.holder, id: (await makeIdentity()).id };
    const box = await asking({ holder: impostor });
    await expect(retrieve(box, FILE)).rejects.toThrow("no peer gave it");
    expect(real.traffic.uploaded().requests).toBe(0);
  });

  it("that do not have it after all are told to the directory", async () => {
    const empty = await serving();
    const box = await asking(empty, await serving(FILE));
    await retrieve(box, FILE);
    expect(box.directory.disowned).toEqual([`${empty.holder.id} ${digestOf(FILE)}`]);
    expect(box.traffic.of(empty.holder.id).faults).toBe(0);
  });

  it("are asked over connections that are kept", async () => {
    const peer = kept(
      await startBadPeer((request, response) => {
        const offset = begin(request, response, FILE);
        response.end(FILE.subarray(offset));
      }),
    );
    const box = await asking(peer);
    for (let number = 0; number < 5; number += 1) await retrieve(box, FILE);
    expect(peer.requests).toBe(5);
    expect(peer.connections).toBeLessThan(3);
  });

  it("that nobody is make no source, and no request", async () => {
    const box = await asking();
    await expect(retrieve(box, FILE)).rejects.toThrow("no peer gave it");
  });

  it("go on from the byte where another one broke", async () => {
    const breaking = kept(await startBadPeer(exchanged(cut)));
    const honest = await serving(FILE);
    const box = await asking(breaking, honest);
    const { from } = await retrieve(box, FILE);
    expect(from).toHaveLength(2);
    const { sent } = honest.traffic.of(box.id);
    expect(sent).toBeLessThan(FILE.length);
    expect(box.traffic.of(breaking.holder.id)).toMatchObject({ received: FILE.length - sent, faults: 1 });
  });

  it("are let go of when the asker leaves", async () => {
    const peer = kept(await startBadPeer(() => {}));
    const box = await asking(peer);
    const leaving = new AbortController();
    for await (const source of box.sources.sources(wantOf(FILE))) {
      const opening = source.open({ offset: 0, signal: leaving.signal });
      leaving.abort(new Error("gone"));
      await expect(opening).rejects.toThrow("gone");
    }
    expect(box.traffic.of(peer.holder.id).faults).toBe(0);
  });

  it("are let go of when the asker leaves between the answer and the body", async () => {
    const peer = kept(
      await startBadPeer((request, response) => {
        begin(request, response, FILE);
        response.write(FILE.subarray(0, 1000));
      }),
    );
    const closed = once(peer.events, "closed");
    const box = await asking(peer);
    const leaving = new AbortController();
    for await (const source of box.sources.sources(wantOf(FILE))) {
      const { bytes } = await source.open({ offset: 0, signal: leaving.signal });
      leaving.abort(new Error("gone"));
      await expect(bytes[Symbol.asyncIterator]().next()).rejects.toThrow("gone");
    }
    await closed;
    expect(box.traffic.of(peer.holder.id).faults).toBe(0);
  });

  it("are let go of when the asker leaves in the middle of the body", async () => {
    let more = (): void => {};
    const peer = kept(
      await startBadPeer((request, response) => {
        begin(request, response, FILE);
        response.write(FILE.subarray(0, 1000));
        more = () => void response.write(FILE.subarray(1000, 2000));
      }),
    );
    const closed = once(peer.events, "closed");
    const box = await asking(peer);
    const leaving = new AbortController();
    for await (const source of box.sources.sources(wantOf(FILE))) {
      const { bytes } = await source.open({ offset: 0, signal: leaving.signal });
      const reading = bytes[Symbol.asyncIterator]();
      await reading.next();
      const next = reading.next();
      leaving.abort(new Error("gone"));
      more();
      await expect(next).rejects.toThrow("gone");
    }
    await closed;
    expect(box.traffic.of(peer.holder.id).faults).toBe(0);
  });
});

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}
