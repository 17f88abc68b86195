import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import type { Digest } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { LocalHaves } from "../../src/swarm/local-haves.ts";
import { identityFromSeed } from "../../src/swarm/identity.ts";
import { encodeMessage } from "../../src/swarm/messages.ts";
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

  afterEach(() => {
    table.closeAll("the test is over");
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
    const [far, near] = MemoryStream.pair(OTHER, SELF);
    table.connected(near, KEY);
    const contact = { stream: far, heard: [], closed: Promise.resolve() };
    const { send } = openChannel(contact, rightProof(contact, KEY), () => frames.forEach(send));
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
    await expect.poll(() => near.destroyed).toBe(true);
    expect(left).toEqual([OTHER.toString("hex")]);
  });
});
