import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { Pulse } from "../../src/core/async/pulse.ts";
import type { GrowingUse, Source } from "../../src/core/source.ts";
import type { GrowingBlob } from "../../src/peer/growing-blob.ts";
import { begin, startDeaf, testBoxes } from "./boxes.ts";
import { makeAsking, makeIdentity, retrieve, startBadPeer, wantOf, type AskingBox, type ServingBox } from "./rig.ts";

/** More than the sockets between two boxes hold. */
const LARGE = randomBytes(40 * 2 ** 20);
const signal = new AbortController().signal;

const { asking, kept, serving } = testBoxes();

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

async function sourcesOf(box: AskingBox, growing: GrowingUse = "follow"): Promise<Source[]> {
  const found: Source[] = [];
  for await (const source of box.sources.sources(wantOf(LARGE), { growing })) found.push(source);
  return found;
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

  it("lets in beside its reader who asked that one for a second and was told that it has no more itself", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(1000);
    const reader = await makeIdentity();
    const first = kept(await makeAsking([box.holder], reader));
    const { bytes } = await (await sourcesOf(first))[0]!.open({ offset: 0, signal });
    await bytes[Symbol.asyncIterator]().next();
    const behind = kept(
      await startBadPeer((_, response) => void response.writeHead(416, { "content-length": 0 }).end(), reader),
    );

    const second = await asking(box);
    second.directory.others.set(reader.id, { ...behind.holder, growing: true });
    const [source] = await sourcesOf(second);
    await source!.open({ offset: 0, signal });
    expect(source!.label).toContain(box.holder.name);
    expect(behind.requests).toBeLessThan(50); // a pause lies between them
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
    source!.blame();
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

  it("that was whole by the time it was asked for counts as whole: who gave wrong bytes is shut out", async () => {
    const box = await serving(LARGE);
    const asker = await asking({ holder: { ...box.holder, growing: true } });
    const [source] = await sourcesOf(asker);
    await source!.open({ offset: 0, signal });
    source!.blame();
    expect(asker.standing.isShutOut(box.holder.id)).toBe(true);
  });

  it("that turns out wrong shuts out nobody who passed it on", async () => {
    const { box, growing } = await startGrowing();
    growing.grow(500);
    const asker = await asking(box);
    const [source] = await sourcesOf(asker);
    await source!.open({ offset: 0, signal });
    source!.blame();
    expect(asker.standing.isShutOut(box.holder.id)).toBe(false);
  });
});
