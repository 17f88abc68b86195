import { randomBytes } from "node:crypto";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { Pulse } from "../../src/core/pulse.ts";
import { SourceError } from "../../src/core/errors.ts";
import type { GrowingUse, Source } from "../../src/core/source.ts";
import type { GrowingBlob } from "../../src/peer/growing-blob.ts";
import { badPeers } from "../support/zoo/bad-peers.ts";
import { atFirst, cut, oneWrongByte, wrongOffset, type Behaviour } from "../support/zoo/zoo.ts";
import {
  makeAsking,
  makeIdentity,
  retrieve,
  startBadPeer,
  startServing,
  wantOf,
  type AskingBox,
  type BadPeer,
  type ServingBox,
} from "./rig.ts";

const FILE = randomBytes(2 * 2 ** 20 + 12_345);
/** More than the sockets between two boxes hold. */
const LARGE = randomBytes(40 * 2 ** 20);
const signal = new AbortController().signal;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function kept<T extends { stop(): Promise<unknown> }>(box: T): T {
  cleanUps.push(() => box.stop());
  return box;
}

const serving = async (...files: Buffer[]): Promise<ServingBox> => kept(await startServing(files));
const asking = async (...peers: { holder: ServingBox["holder"] }[]): Promise<AskingBox> =>
  kept(await makeAsking(peers.map(({ holder }) => holder)));

/** The headers of a right answer from the asked offset on. */
function begin(request: IncomingMessage, response: ServerResponse, file: Buffer): number {
  const offset = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(offset > 0 ? 206 : 200, {
    "content-length": file.length - offset,
    "content-range": `bytes ${offset}-${file.length - 1}/${file.length}`,
  });
  response.flushHeaders();
  return offset;
}

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

  it("that are slow are given more time as the last resort", async () => {
    let answer = (): void => {};
    const slow = kept(
      await startBadPeer((request, response) => {
        answer = () => void response.end(FILE.subarray(begin(request, response, FILE)));
        if (slow.requests > 1) answer();
      }),
    );
    const box = await asking(slow);
    await expect(retrieve(box, FILE)).rejects.toThrow("no peer gave it");
    const patient = { ...box, sources: box.sources.lastResort as AskingBox["sources"] };
    expect((await retrieve(patient, FILE)).bytes.equals(FILE)).toBe(true);
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
    const peer = kept(await startBadPeer((request, response) => void begin(request, response, FILE)));
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
});

/** A blob that grows as the test says. */
class Growing {
  received = 0;
  isRoot = true;
  readonly #grew = new Pulse();
  readonly #file: Buffer;

  constructor(file: Buffer) {
    this.#file = file;
  }

  grow(to: number): void {
    this.received = to;
    this.#grew.fire();
  }

  open(): GrowingBlob {
    return {
      size: this.#file.length,
      received: this.received,
      isRoot: this.isRoot,
      read: async (position, length) => this.#file.subarray(position, Math.min(position + length, this.received)),
      grown: async (position, signal) => {
        while (this.received <= position) await this.#grew.wait(signal);
      },
      close: () => {},
    };
  }
}

describe("a growing copy", () => {
  async function startGrowing(): Promise<{ box: ServingBox; growing: Growing }> {
    const box = await serving();
    const growing = new Growing(LARGE);
    box.shelf.growing.set(digestOf(LARGE), () => growing.open());
    return { box: { ...box, holder: { ...box.holder, growing: true } }, growing };
  }

  it("is read as it grows", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(1000);
    const asker = await asking(box);
    const [source] = await sourcesOf(asker);
    const { bytes } = await source!.open({ offset: 0, signal });
    const chunks = bytes[Symbol.asyncIterator]();
    expect((await chunks.next()).value).toEqual(LARGE.subarray(0, 1000));
    growing.grow(LARGE.length);
    let received = 1000;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) received += next.value.length;
    expect(received).toBe(LARGE.length);
  });

  it("has one reader at a time; another is sent to that one, and let in when it has tried it in vain", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(30 * 2 ** 20);
    const first = await asking(box);
    const [source] = await sourcesOf(first);
    const { bytes } = await source!.open({ offset: 0, signal });

    const follower = await serving(LARGE);
    const second = await asking(box);
    second.directory.others.set(first.id, { ...follower.holder, name: "first reader" });
    const { from } = await retrieve(second, LARGE);
    expect(from[0]).toContain("first reader");
    void bytes;

    const third = await asking(box);
    growing.grow(LARGE.length);
    expect((await retrieve(third, LARGE)).bytes.equals(LARGE)).toBe(true);
  });

  it("lets in beside its reader who finds that one silent: its box may be gone", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(30 * 2 ** 20);
    const first = await asking(box);
    const [source] = await sourcesOf(first);
    await source!.open({ offset: 0, signal });

    const gone = kept(await startDeaf());
    const second = await asking(box);
    second.directory.others.set(first.id, { ...gone.holder, id: first.id });
    growing.grow(LARGE.length);
    const { bytes, from } = await retrieve(second, LARGE);
    expect(bytes.equals(LARGE)).toBe(true);
    expect(from).toEqual([expect.stringContaining(box.holder.name)]);
  });

  it("is read only as far as it is present when no more is asked for, which is nobody's fault", async () => {
    const { box, growing } = await startGrowing();
    const asker = await asking(box);
    growing.grow(500);
    const [source] = await sourcesOf(asker, "present");
    const body = await source!.open({ offset: 0, signal });
    const chunks: Buffer[] = [];
    await expect(
      (async () => {
        for await (const chunk of body.bytes) chunks.push(chunk);
      })(),
    ).rejects.toMatchObject({ code: "BUSY" });
    expect(Buffer.concat(chunks)).toEqual(LARGE.subarray(0, 500));
    expect(asker.standing.isLeft(box.holder.id, digestOf(LARGE))).toBe(false);
  });

  it("is not taken for a whole one when only that will do", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(500);
    const [source] = await sourcesOf(await asking({ holder: { ...box.holder, growing: false } }), "none");
    await expect(source!.open({ offset: 0, signal })).rejects.toMatchObject({ code: "BUSY" });
  });

  it("that comes from another box is given only to who has less of it", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(500);
    growing.isRoot = false;
    const open = async (offset: number): Promise<unknown> => {
      const [source] = await sourcesOf(await asking(box));
      return source!.open({ offset, signal });
    };
    await expect(open(500)).rejects.toMatchObject({ code: "BUSY" });
    await open(499);
    growing.isRoot = true;
    await open(500);
    await expect(open(501)).rejects.toMatchObject({ code: "BUSY" });
  });

  it("of a box whose program is gone is told to the directory, so that another one may go on", async () => {
    const { box } = await startGrowing();
    await box.stop();
    const asker = await asking(box);
    asker.directory.list = [{ ...box.holder, growing: true }];
    const [source] = await sourcesOf(asker);
    await expect(source!.open({ offset: 0, signal })).rejects.toMatchObject({ code: "REFUSED" });
    expect(asker.directory.disowned).toEqual([`${box.holder.id} ${digestOf(LARGE)}`]);
  });

  it("of one that says it holds all of it is not taken", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(500);
    const asker = await asking({ holder: { ...box.holder, growing: false } });
    const [source] = await sourcesOf(asker);
    await expect(source!.open({ offset: 0, signal })).rejects.toMatchObject({ code: "ABSENT" });
    expect(asker.directory.disowned).toEqual([`${box.holder.id} ${digestOf(LARGE)}`]);
  });

  it("whose holder is silent for a second is followed again at once", async () => {
    const deaf = kept(await startDeaf());
    const asker = await asking({ holder: { ...deaf.holder, growing: true } });
    const [source] = await sourcesOf(asker);
    await expect(source!.open({ offset: 0, signal })).rejects.toMatchObject({ code: "HEADER_TIMEOUT" });
    expect(await sourcesOf(asker)).toHaveLength(1);
  });

  it("is not taken any more from one that passed on wrong bytes of three blobs, whole ones are", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(500);
    const asker = await asking(box);
    for (const other of ["one", "two"]) asker.standing.misled(box.holder.id, digestOf(Buffer.from(other)));
    const [source] = await sourcesOf(asker);
    await source!.open({ offset: 0, signal });
    source!.blame(new SourceError("WRONG_BYTES", "wrong"));
    expect(await sourcesOf(asker)).toEqual([]);
    asker.directory.list = [{ ...box.holder, growing: false }];
    expect(await sourcesOf(asker)).toHaveLength(1);
  });

  it("is not read where the one that is named as its reader is shut out", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(30 * 2 ** 20);
    const reader = await asking(box);
    const { bytes } = await (await sourcesOf(reader))[0]!.open({ offset: 0, signal });
    const liar = kept(await startBadPeer((request, response) => void begin(request, response, LARGE)));
    const asker = await asking(box);
    asker.directory.others.set(reader.id, { ...liar.holder, id: reader.id });
    asker.standing.lied(reader.id);
    await (await sourcesOf(asker))[0]!.open({ offset: 0, signal });
    expect(liar.connections).toBe(0);
    void bytes;
  });

  it("that turns out wrong shuts out nobody who passed it on", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(500);
    const asker = await asking(box);
    const [source] = await sourcesOf(asker);
    await source!.open({ offset: 0, signal });
    source!.blame(new SourceError("WRONG_BYTES", "wrong"));
    expect(asker.standing.isShutOut(box.holder.id)).toBe(false);
  });
});

async function sourcesOf(box: AskingBox, growing: GrowingUse = "follow"): Promise<Source[]> {
  const found: Source[] = [];
  for await (const source of box.sources.sources(wantOf(LARGE), { growing })) found.push(source);
  return found;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

/** A port that takes connections and never says anything, not even in TLS: what a frozen box is. */
async function startDeaf(): Promise<{ holder: ServingBox["holder"]; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { id } = await makeIdentity();
  const stop = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  };
  return { holder: { id, name: "dead", host: "127.0.0.1", port }, stop };
}
