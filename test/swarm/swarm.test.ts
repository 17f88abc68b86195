import { afterEach, describe, expect, it } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { eventually, isFullMesh, makeBox, placeOf, type Box, type BoxOptions } from "./boxes.ts";

const NETWORK = NetworkKey.generate();
const FILES = Array.from({ length: 300 }, (_, number) => digestOf(Buffer.from(`file ${number}`)));
const [FIRST, THIRD] = FILES as [Digest, Digest];

describe("the swarm on loopback", () => {
  const boxes: Box[] = [];
  afterEach(async () => {
    await Promise.all(boxes.splice(0).map((box) => box.remove()));
  });

  async function start(options: BoxOptions = {}): Promise<Box> {
    const box = await makeBox({ networkKey: NETWORK, ...options });
    boxes.push(box);
    await box.swarm.start();
    return box;
  }

  it("knows in full what a peer holds, and then what changes", async () => {
    const holder = await start({ haves: FILES });
    const asker = await start({ peers: [placeOf(holder)] });
    await eventually(() => asker.swarm.status().peers[0]?.distfiles === FILES.length);
    expect(FILES.every((digest) => asker.swarm.holders(digest)[0]?.id === holder.identity.id)).toBe(true);
    expect(asker.swarm.holders(digestOf(Buffer.from("nobody has it")))).toEqual([]);

    const late = digestOf(Buffer.from("late"));
    holder.swarm.added(late);
    holder.swarm.removed(FIRST);
    await eventually(() => asker.swarm.holders(late).length === 1);
    expect(asker.swarm.holders(FIRST)).toEqual([]);
  });

  it("becomes a full mesh of seven from one place that all of them know", async () => {
    const first = await start();
    for (let number = 1; number < 7; number += 1) await start({ peers: [placeOf(first)] });
    await eventually(() => isFullMesh(boxes));
    const how = boxes[6]!.swarm.status().peers.map(({ found }) => found);
    expect(how).toContain("static");
  });

  it("names who is fetching a blob, also to a peer that comes later", async () => {
    const fetcher = await start();
    fetcher.swarm.claim(FIRST, true);
    const asker = await start({ peers: [placeOf(fetcher)] });
    await eventually(() => asker.swarm.holders(FIRST).length === 1);
    expect(asker.swarm.holders(FIRST)[0]).toMatchObject({ id: fetcher.identity.id, growing: true });
    fetcher.swarm.claim(FIRST, false);
    await eventually(() => asker.swarm.holders(FIRST).length === 0);
  });

  it("forgets the blobs of a peer that left", async () => {
    const holder = await start({ haves: [THIRD] });
    const asker = await start({ peers: [placeOf(holder)] });
    await eventually(() => asker.swarm.holders(THIRD).length === 1);
    await holder.swarm.stop();
    await eventually(() => asker.swarm.holders(THIRD).length === 0);
    expect(asker.swarm.admits(holder.identity.id)).toBe(true);
  });
});
