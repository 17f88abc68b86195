import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import type { Digest } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { LocalHaves } from "../../src/swarm/local-haves.ts";
import { identityFromSeed } from "../../src/swarm/identity.ts";
import { decodeMessage, encodeMessage, type Addresses } from "../../src/swarm/messages.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { PeerTable } from "../../src/swarm/peer-table.ts";
import { freePort } from "../support/free-port.ts";
import { showCertificate } from "./boxes.ts";
import { MemoryStream } from "./memory-stream.ts";
import { openChannel, rightProof } from "./outsider.ts";

const KEY = NetworkKey.generate();
const SELF = randomBytes(32);
const OTHERS_IDENTITY = await identityFromSeed(randomBytes(32));
const OTHER = Buffer.from(OTHERS_IDENTITY.id, "hex");
const SUBJECT = "ab".repeat(64) as Digest;
const hello = (port: number): Buffer =>
  encodeMessage({ type: "hello", host: "h2", version: "1", port, instance: Buffer.alloc(8) });
const HELLO = hello(1);
const CLAIM = encodeMessage({ type: "upstream-claim", subject: SUBJECT, number: 1, base: 0, received: 0 });

describe("a table of peers", () => {
  const left: string[] = [];
  const denied = new Set<string>();
  let table: PeerTable;

  afterEach(async () => {
    table.closeAll("the test is over");
    await expect.poll(() => table.statuses(() => "mdns")).toEqual([]); // what they leave behind is the next test's
    left.length = 0;
    denied.clear();
  });

  function makeTable(): PeerTable {
    return (table = new PeerTable(
      {
        ownId: SELF.toString("hex"),
        local: new LocalHaves(),
        log: silentLogger,
        received: () => 0,
        isShutOut: () => false,
        accepts: () => true,
        isDenied: (id) => denied.has(id),
        learn: () => {},
        arrived: () => {},
        announced: () => {},
        left: (id) => void left.push(id),
      },
      { host: "h1", version: "1", port: 2 },
    ));
  }

  /** The other box connects, proves itself, and says these things. */
  function connect(...frames: readonly Buffer[]): MemoryStream {
    return connectAs(OTHER, frames);
  }

  /** The same for a box with this key, which hears these frames. */
  function connectAs(key: Buffer, frames: readonly Buffer[], hear?: (frame: Buffer) => void): MemoryStream {
    const [far, near] = MemoryStream.pair(key, SELF);
    table.connected(near, KEY);
    const contact = { stream: far, heard: [], closed: Promise.resolve() };
    const { send } = openChannel(contact, rightProof(contact, KEY), () => frames.forEach(send), hear);
    return near;
  }

  /** A TCP port at which the other box can be reached. */
  async function openPort(): Promise<number> {
    const port = await freePort();
    const server = await showCertificate(OTHERS_IDENTITY, port);
    onTestFinished(() => void server.close());
    return port;
  }

  const rival = (): string | undefined => table.upstreamClaims.rival({ digest: SUBJECT, size: 1000 })?.id;

  it("forgets what a peer claimed and announced when it connects again before its first session has ended", async () => {
    makeTable();
    const reachable = hello(await openPort());
    const first = connect(reachable, CLAIM);
    await expect.poll(rival).toBe(OTHER.toString("hex"));
    connect(reachable);
    await expect.poll(() => first.destroyed).toBe(true);
    expect(rival()).toBeUndefined();
    expect(left).toEqual([OTHER.toString("hex")]);
    await expect.poll(() => table.statuses(() => "mdns")).toHaveLength(1);
  });

  it("does not count the claim of a peer whose TCP port is closed", async () => {
    makeTable();
    connect(HELLO, CLAIM);
    await expect.poll(() => table.statuses(() => "mdns")[0]?.problem).toContain("TCP port 1 is closed");
    expect(rival()).toBeUndefined();
  });

  it("ends the session of a box that comes to be denied before it has proved anything", async () => {
    makeTable();
    const [far, near] = MemoryStream.pair(OTHER, SELF);
    table.connected(near, KEY);
    table.expel(OTHER.toString("hex"), "the box is listed in swarm.deny");
    const contact = { stream: far, heard: [], closed: Promise.resolve() };
    openChannel(contact, rightProof(contact, KEY));
    await expect.poll(() => near.destroyed).toBe(true);
    expect(table.isConnected(OTHER.toString("hex"))).toBe(false);
  });

  it("tells a peer of many others that come at once in a few messages, and of the first one at once", async () => {
    makeTable();
    const told: Addresses["peers"][] = [];
    connectAs(OTHER, [HELLO], (frame) => {
      const message = decodeMessage(frame);
      if (message?.type === "addresses") told.push(message.peers);
    });
    await expect.poll(() => table.statuses(() => "mdns")).toHaveLength(1);
    const newcomers = Array.from({ length: 40 }, () => randomBytes(32));
    for (const key of newcomers) connectAs(key, [HELLO]);
    await expect.poll(() => told.flat()).toHaveLength(40);
    const ids = told.flat().map(({ id }) => id.toString("hex"));
    expect(ids.toSorted()).toEqual(newcomers.map((key) => key.toString("hex")).toSorted());
    expect(told[0]).toHaveLength(1);
    expect(told.length).toBeLessThan(10);
  });

  it("holds no more sessions than there are places, though all who wait for one prove themselves at once", async () => {
    makeTable();
    const connected: MemoryStream[] = [];
    const members = (): number => connected.filter(({ destroyed }) => !destroyed).length;
    for (let round = 1; round <= 5; round += 1) {
      for (let number = 0; number < 60; number += 1) connected.push(connectAs(randomBytes(32), [HELLO]));
      await expect.poll(() => table.statuses(() => "mdns").length).toBe(Math.min(60 * round, 256));
    }
    await expect.poll(members).toBe(256);
    expect(table.rejections.counts().full).toBe(44);
  });

  it("takes in a peer that comes anew while all places are taken, one of them by itself", async () => {
    makeTable();
    const first = connect(HELLO);
    for (let round = 1; round <= 5; round += 1) {
      for (let number = 0; number < 51; number += 1) connectAs(randomBytes(32), [HELLO]);
      await expect.poll(() => table.statuses(() => "mdns").length).toBe(51 * round + 1);
    }
    const second = connect(HELLO);
    await expect.poll(() => first.destroyed).toBe(true);
    await expect.poll(() => table.statuses(() => "mdns").length).toBe(256);
    expect(second.destroyed).toBe(false);
  });

  it("turns a box away, and counts it, that came to be denied during its handshake", () => {
    makeTable();
    denied.add(OTHER.toString("hex"));
    expect(connect(HELLO).destroyed).toBe(true);
    expect(table.rejections.counts().denied).toBe(1);
  });

  it("ends the session of a peer that does not read what it is told, instead of keeping all of it", async () => {
    makeTable();
    const near = connect(HELLO);
    await expect.poll(() => table.statuses(() => "mdns")).toHaveLength(1);
    near.isStuck = true;
    const told = (): void => table.tellSnapshots([]);
    for (let number = 0; number < 10_000 && !near.destroyed; number += 1) told();
    await expect.poll(() => left).toEqual([OTHER.toString("hex")]);
    expect(near.destroyed).toBe(true);
  });
});
