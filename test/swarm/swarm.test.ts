import { createSocket } from "node:dgram";
import { once } from "node:events";
import HyperDHT from "hyperdht";
import { afterEach, describe, expect, it, vi } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { AddressBook } from "../../src/swarm/discovery/address-book.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { heapBytes, resources } from "../support/left-behind.ts";
import { logInto } from "../support/log-lines.ts";
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

  it("takes a box that starts again for the member that it is: nobody waits for a connection of its former life", async () => {
    const logged: string[] = [];
    const log = logInto(logged);
    const first = await start({ log });
    for (let number = 1; number < 7; number += 1) await start({ peers: [placeOf(first)], log });
    await eventually(() => isFullMesh(boxes));
    for (const box of boxes.slice(0, 4)) {
      await box.swarm.stop();
      await box.swarm.start();
      await eventually(() => isFullMesh(boxes));
    }
    expect(logged.filter((line) => line.includes("turned away"))).toEqual([]);
  });

  it("takes in a box whose host name others would not show", async () => {
    const first = await start();
    await start({ peers: [placeOf(first)], host: "bücher\n" });
    await eventually(() => isFullMesh(boxes));
    expect(first.swarm.status().peers[0]!.host).toBe("b?cher?");
  });

  it("merges two groups that found themselves apart when one box meets both", async () => {
    const [a, c] = [await start(), await start()];
    const [b, d] = [await start({ peers: [placeOf(a)] }), await start({ peers: [placeOf(c)] })];
    await eventually(() => isFullMesh([a, b]) && isFullMesh([c, d]));
    await start({ peers: [placeOf(b), placeOf(d)] });
    await eventually(() => isFullMesh(boxes));
  });

  it("names who is fetching a blob from upstream, also to a peer that comes later", async () => {
    const fetcher = await start();
    const claim = await fetcher.swarm.blobClaims.claim(
      { digest: FIRST, size: 1000 },
      { received: 0, signal: new AbortController().signal },
    );
    const asker = await start({ peers: [placeOf(fetcher)] });
    await eventually(() => asker.swarm.holders(FIRST).length === 1);
    expect(asker.swarm.holders(FIRST)[0]).toMatchObject({ id: fetcher.identity.id, growing: true });
    claim!.release({ failed: false });
    await eventually(() => asker.swarm.holders(FIRST).length === 0);
  });

  it("tells what came here before it tells that its claim has ended, so that nobody claims in between", async () => {
    const fetcher = await start();
    const asker = await start({ peers: [placeOf(fetcher)] });
    await eventually(() => isFullMesh(boxes));
    const claim = await fetcher.swarm.blobClaims.claim(
      { digest: FIRST, size: 1000 },
      { received: 0, signal: new AbortController().signal },
    );
    await eventually(() => asker.swarm.holders(FIRST).length === 1);
    fetcher.swarm.added(FIRST);
    claim!.release({ failed: false });
    const seen = new Set<number>();
    await eventually(() => {
      seen.add(asker.swarm.holders(FIRST).length);
      return asker.swarm.holders(FIRST)[0]?.growing === false;
    });
    expect([...seen]).toEqual([1]);
  });

  it("remembers where members were, so that a box finds them at its next start with nothing else", async () => {
    const other = await start();
    const box = await start({ peers: [placeOf(other)] });
    await eventually(() => isFullMesh(boxes));
    await box.swarm.stop();
    await eventually(() => other.swarm.status().peers.length === 0);
    const again = await start({ from: box });
    await eventually(() => again.swarm.status().peers.length === 1);
    expect(again.swarm.status().peers[0]).toMatchObject({ id: other.identity.id, found: "remembered" });
  });

  it("needs no full list from a peer that was gone for a moment", async () => {
    const holder = await start({ haves: FILES });
    const asker = await start({ peers: [placeOf(holder)] });
    await eventually(() => asker.swarm.status().peers[0]?.distfiles === FILES.length);
    await holder.swarm.stop();
    await eventually(() => asker.swarm.status().peers.length === 0);
    const late = digestOf(Buffer.from("meanwhile"));
    holder.swarm.added(late);
    holder.swarm.removed(FIRST);
    await holder.swarm.start();
    await eventually(() => asker.swarm.holders(late).length === 1);
    expect(asker.swarm.holders(FIRST)).toEqual([]);
    expect(asker.swarm.holders(THIRD)).toHaveLength(1);
  });

  it("names a peer whose TCP port is closed, with the port to open, and asks it for nothing", async () => {
    const closed = await start({ tcp: false, haves: [FIRST] });
    const box = await start();
    const third = await start({ peers: [placeOf(box)] });
    await eventually(() => third.swarm.status().peers.length === 1);
    await closed.swarm.stop();
    const again = await start({ from: closed, tcp: false, haves: [FIRST], peers: [placeOf(box)] });
    const seen = await eventually(() => box.swarm.status().peers.find(({ problem }) => problem !== undefined));
    expect(seen).toMatchObject({
      id: again.identity.id,
      problem: `TCP port ${again.port} is closed: open it in the firewall of box-${again.port}`,
    });
    expect(box.swarm.holders(FIRST)).toEqual([]);
  });

  it("learns from its peers whether its own TCP port is open", async () => {
    const open = await start();
    const closed = await start({ tcp: false, peers: [placeOf(open)] });
    await eventually(() => closed.swarm.status().port.closed.length === 1);
    expect(closed.swarm.status().port).toEqual({ open: [], closed: [`box-${open.port}`] });
    await eventually(() => open.swarm.status().port.open.length === 1);
    expect(open.swarm.status().port).toEqual({ open: [`box-${closed.port}`], closed: [] });
  });

  it("changes to one network after the other when told so at the same time, and is stopped by a stop during its start", async () => {
    const box = await makeBox();
    boxes.push(box);
    const starting = box.swarm.start();
    const [first, second] = [NetworkKey.generate(), NetworkKey.generate()];
    await Promise.all([starting, box.swarm.join(first.reveal()), box.swarm.join(second.reveal())]);
    expect(box.swarm.invite()).toBe(second.reveal());
    const other = await start({ networkKey: second, peers: [placeOf(box)] });
    await eventually(() => isFullMesh([box, other]));
    await box.swarm.stop();
    await Promise.all([box.swarm.start(), box.swarm.stop(), box.swarm.stop()]);
    await freeAgain(box.port);
  });

  it("goes on with a new network as soon as it can when another program took its port in between", async () => {
    const [box, other] = [await start(), await start()];
    const program = createSocket("udp4");
    vi.spyOn(AddressBook.prototype, "clear").mockImplementationOnce(async () => {
      program.bind(box.port, "127.0.0.1");
      await once(program, "listening");
    });
    const key = NetworkKey.generate().reveal();
    await expect(box.swarm.join(key)).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    expect(box.swarm.invite()).toBe(key);
    expect(box.swarm.status().problem).toContain("is taken by another program");
    program.close();
    await eventually(() => box.swarm.status().problem === undefined);
    await other.swarm.join(key);
    const third = await start({ networkKey: NetworkKey.parse(key), peers: [placeOf(box), placeOf(other)] });
    await eventually(() => isFullMesh([box, other, third]));
  });

  it("says when its UDP port is taken", async () => {
    const first = await start();
    const second = await makeBox({ listen: { host: "127.0.0.1", port: first.port }, tcp: false });
    boxes.push(second);
    await expect(second.swarm.start()).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: expect.stringContaining(`UDP 127.0.0.1:${first.port} is taken by another program`),
    });
  });

  it("leaves nothing behind after 200 connects and disconnects: no handle, timer, DHT node, address or memory", async () => {
    const nodes = vi.spyOn(HyperDHT, "bootstrapper");
    const hub = await start({ haves: FILES });
    const hubNode = nodes.mock.results[0]!.value as HyperDHT;
    nodes.mockRestore(); // it would keep all nodes of the guest
    const guest = await start({ peers: [placeOf(hub)], haves: FILES });
    const round = async (): Promise<void> => {
      await guest.swarm.start();
      await eventually(() => hub.swarm.status().peers.length === 1 && guest.swarm.status().peers.length === 1);
      await guest.swarm.stop();
      await eventually(() => hub.swarm.status().peers.length === 0);
    };
    for (let number = 0; number < 20; number += 1) await round();
    const before = { resources: resources(), heap: heapBytes() };
    for (let number = 0; number < 180; number += 1) await round();
    await eventually(() => resources() <= before.resources + 5); // some timers of the last rounds have yet to run out
    // HyperDHT keeps a connection for 10 s, on both ends together some 90 KB. Those of the first rounds are in `before`, and
    // all have to be gone in the end: that leaves room for 20 KB of each.
    await expect.poll(heapBytes, { timeout: 30_000, interval: 500 }).toBeLessThan(before.heap);
    expect(hubNode.toArray().length).toBeLessThanOrEqual(1);
    expect((await hub.db.sublevel("swarm-boxes").keys().all()).length).toBe(1);
    expect(hub.swarm.status()).toMatchObject({ peers: [], port: { open: [], closed: [] } });
  }, 180_000);

  it("forgets the blobs of a peer that left", async () => {
    const holder = await start({ haves: [THIRD] });
    const asker = await start({ peers: [placeOf(holder)] });
    await eventually(() => asker.swarm.holders(THIRD).length === 1);
    await holder.swarm.stop();
    await eventually(() => asker.swarm.holders(THIRD).length === 0);
    expect(asker.swarm.admits(holder.identity.id)).toBe(true);
  });
});

/** Resolves when nothing is bound to a UDP port of loopback any more. */
async function freeAgain(port: number): Promise<void> {
  const socket = createSocket("udp4");
  socket.bind({ port, address: "127.0.0.1", exclusive: true });
  await once(socket, "listening");
  socket.close();
}
