import { randomBytes } from "node:crypto";
import type { Writable } from "node:stream";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { encodeMessage } from "../../src/swarm/messages.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import type { Rejection } from "../../src/swarm/rejections.ts";
import { Transport } from "../../src/swarm/transport.ts";
import { eventually, makeBox, placeOf, type Box, type BoxOptions } from "./boxes.ts";
import { Crowd } from "./crowd.ts";
import { openChannel, rightProof, startOutsider, type Contact, type Outsider } from "./outsider.ts";

const NETWORK = NetworkKey.generate();
const FILE = digestOf(Buffer.from("a file"));

const HELLO = encodeMessage({ type: "hello", host: "x", version: "1", port: 1, instance: Buffer.alloc(8) });

/** An open frame with a proof is about a hundred bytes; a hello would be more. */
const BYTES_OF_A_PROOF = 110;

/** A batch of frames that holds a batch, and so on, `length` bytes in all: each level is channel, length and type. */
function nestedBatches(length: number): Buffer {
  return Buffer.concat([Buffer.of(0, 0), Buffer.alloc(length, Buffer.of(0, 0xfd, 0xff, 0xff, 0))]);
}

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startBox(options: BoxOptions = {}): Promise<Box> {
  const box = await makeBox({ networkKey: NETWORK, haves: [FILE], ...options });
  cleanUps.push(() => box.remove());
  await box.swarm.start();
  return box;
}

async function outsider(...how: Parameters<typeof startOutsider>): Promise<Outsider> {
  const made = await startOutsider(...how);
  cleanUps.push(() => made.stop());
  return made;
}

/** A frame of 16 MiB as the layer below frames it, and a little of it. */
function endlessFrame({ stream }: Contact): void {
  const line = stream.rawStream as unknown as Writable;
  line.write(Buffer.concat([Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(256 * 1024)]));
}

const rejected = (box: Box, why: Rejection): number => box.swarm.status().rejected[why];

/** Lets an outsider dial a box, and sees how it is turned away. */
async function turnedAway(why: Rejection, behave: (contact: Contact) => void, box?: Box): Promise<Buffer> {
  const target = box ?? (await startBox());
  const stranger = await outsider(behave);
  stranger.dial(target);
  await eventually(() => rejected(target, why) > 0);
  await stranger.contacts[0]!.closed;
  expect(target.swarm.status().peers).toEqual([]);
  expect(target.swarm.admits(stranger.identity.id)).toBe(false);
  return Buffer.concat(stranger.contacts[0]!.heard);
}

describe("who does not prove the network key learns nothing, is dropped, and is counted:", () => {
  it.each<[string, Rejection, (contact: Contact) => void]>([
    ["one that says nothing", "silent", () => {}],
    ["one that speaks another protocol", "silent", ({ stream }) => void stream.write(Buffer.of(0, 1, 1, 1, 120, 0))],
    ["one that does not know ours", "other_protocol", ({ stream }) => void stream.write(Buffer.of(0, 2, 1))],
    [
      "one with the key of another network",
      "wrong_proof",
      (contact) => {
        openChannel(contact, rightProof(contact, NetworkKey.generate()));
      },
    ],
    ["one with no proof in its hands", "wrong_proof", (contact) => void openChannel(contact, Buffer.alloc(0))],
    [
      "one that replays the proof of another connection",
      "wrong_proof",
      (contact) => {
        openChannel(contact, NETWORK.proof(randomBytes(64), "initiator"));
      },
    ],
    [
      "one that sends the proof of the wrong role",
      "wrong_proof",
      (contact) => {
        openChannel(contact, NETWORK.proof(contact.stream.handshakeHash, "responder"));
      },
    ],
    ["one that floods before its proof", "rule", ({ stream }) => void stream.write(randomBytes(8192))],
    ["one that sends a frame before its proof that does not end", "rule", endlessFrame],
    ["one that sends batches of frames in batches", "rule", ({ stream }) => void stream.write(nestedBatches(60_000))],
    ["one that sends a few of them", "rule", ({ stream }) => void stream.write(nestedBatches(1000))],
  ])("%s", async (_who, why, behave) => {
    const heard = await turnedAway(why, behave);
    expect(heard.length).toBeLessThan(BYTES_OF_A_PROOF);
    expect(heard.includes(Buffer.from(FILE.slice(0, 32), "hex"))).toBe(false);
  });

  it("one that was a member, and sends the proof of then on a new connection", async () => {
    const box = await startBox();
    const heard = (contact: Contact | undefined): number => Buffer.concat(contact?.heard ?? []).length;
    let old: Buffer | undefined;
    const former = await outsider((contact) => {
      openChannel(contact, (old ??= rightProof(contact, NETWORK)));
    });
    former.dial(box);
    await eventually(() => heard(former.contacts[0]) > BYTES_OF_A_PROOF); // it was told who is there
    former.contacts[0]!.stream.destroy();
    await eventually(() => rejected(box, "wrong_proof") > 0);
    await former.contacts[1]!.closed;
    expect(heard(former.contacts[1])).toBeLessThan(BYTES_OF_A_PROOF);
    expect(box.swarm.status().peers).toEqual([]);
  });

  it("one that sends our own proof back", async () => {
    const heard = await turnedAway("wrong_proof", (contact) => {
      contact.stream.once("data", (frame: Buffer) => openChannel(contact, frame.subarray(-64)));
    });
    expect(heard.length).toBeLessThan(BYTES_OF_A_PROOF);
  });

  it("many connections that say nothing: members find a place", async () => {
    const box = await startBox();
    const crowd = await Crowd.start(box);
    cleanUps.push(() => crowd.stop());
    for (let number = 0; number < 80; number += 1) crowd.connect();
    await eventually(() => rejected(box, "full") > 0);
    const member = await startBox({ peers: [placeOf(box)] });
    await eventually(() => member.swarm.status().peers.length === 1, 8000);
  });

  it("a box that is listed in swarm.deny, though it holds the key", async () => {
    const denied = await outsider((contact) => openChannel(contact, rightProof(contact, NETWORK)));
    const box = await startBox({ deny: [denied.identity.id] });
    denied.dial(box);
    await eventually(() => rejected(box, "denied") > 0);
    expect(denied.contacts).toEqual([]);
    expect(box.swarm.admits(denied.identity.id)).toBe(false);
  });

  it("a member that comes to be listed in swarm.deny, until it is taken out again", async () => {
    const box = await startBox();
    const member = await startBox({ peers: [placeOf(box)] });
    await eventually(() => box.swarm.status().peers.length === 1);
    box.swarm.deny([member.identity.id]);
    await eventually(() => box.swarm.status().peers.length === 0 && rejected(box, "denied") > 0, 8000);
    expect(box.swarm.admits(member.identity.id)).toBe(false);
    box.swarm.deny([]);
    await eventually(() => box.swarm.status().peers.length === 1, 8000);
  });

  it("a box from outside swarm.networks, though it holds the key", async () => {
    const box = await startBox({ networks: ["127.0.0.1/32", "10.0.0.0/8"] });
    const prove = (contact: Contact): void => void openChannel(contact, rightProof(contact, NETWORK));
    const [far, near] = [await outsider(prove, { address: "127.0.0.2" }), await outsider(prove)];
    far.dial(box);
    await eventually(() => rejected(box, "outside") > 0);
    near.dial(box);
    await eventually(() => box.swarm.admits(near.identity.id));
    expect(box.swarm.admits(far.identity.id)).toBe(false);
  });

  it("nobody that a member tells of: such a word leads neither out of swarm.networks nor to who is denied", async () => {
    const [denied, outside, told] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    const box = await startBox({ networks: ["127.0.0.1/32"], deny: [denied.toString("hex")] });
    const dial = vi.spyOn(Transport.prototype, "dial");
    onTestFinished(() => dial.mockRestore());
    const peers = [
      { id: denied, host: "127.0.0.1", port: 1 },
      { id: outside, host: "127.0.0.2", port: 1 },
      { id: told, host: "127.0.0.1", port: 1 },
    ];
    const member = await outsider((contact) => {
      const { send } = openChannel(contact, rightProof(contact, NETWORK), () => {
        for (const frame of [HELLO, encodeMessage({ type: "addresses", peers })]) send(frame);
      });
    });
    member.dial(box);
    const isDialled = (key: Buffer): boolean => dial.mock.calls.some(([id]) => id === key.toString("hex"));
    await eventually(() => isDialled(told));
    expect([denied, outside].map(isDialled)).toEqual([false, false]);
  });
});

describe("a member that breaks the rules is dropped, and left alone for a while:", () => {
  const change = encodeMessage({
    type: "change",
    since: 5,
    sequence: 6,
    added: Buffer.alloc(0),
    removed: Buffer.alloc(0),
  });

  it.each<[string, readonly Buffer[]]>([
    ["random bytes", [randomBytes(500)]],
    ["a message before its hello", [change]],
    ["two hellos", [HELLO, HELLO]],
    ["a change that follows on nothing", [HELLO, change]],
    ["more messages than a member may", [HELLO, ...Array.from({ length: 6000 }, () => Buffer.of(0x80))]],
  ])("%s", async (_what, frames) => {
    const box = await startBox();
    const member = await outsider((contact) => {
      const { send } = openChannel(contact, rightProof(contact, NETWORK), () => frames.forEach(send));
    });
    member.dial(box);
    await eventually(() => rejected(box, "rule") > 0);
    await member.contacts[0]!.closed;
    expect(box.swarm.admits(member.identity.id)).toBe(false);
    await eventually(() => rejected(box, "rule") > 1); // Hyperswarm dials again by itself
    expect(box.swarm.status().peers).toEqual([]);
  });
});

describe("a member of which something cannot be read below our messages is dropped, and may come again at once:", () => {
  it.each<[string, Buffer]>([
    ["an answer to what was not asked", Buffer.of(0, 2, 9)],
    ["a frame that ends early", Buffer.of(0, 1, 1, 200)],
    ["batches of frames in batches", nestedBatches(60_000)],
  ])("%s", async (_what, bytes) => {
    const box = await startBox();
    const member: Outsider = await outsider((contact) => {
      const { send } = openChannel(contact, rightProof(contact, NETWORK), () => {
        send(HELLO);
        if (contact === member.contacts[0]) contact.stream.write(bytes);
      });
    });
    member.dial(box);
    await eventually(() => rejected(box, "rule") > 0);
    expect(box.swarm.admits(member.identity.id)).toBe(true);
    await eventually(() => box.swarm.status().peers.length === 1); // Hyperswarm dials again by itself
    expect(rejected(box, "rule")).toBe(1);
    expect(member.contacts).toHaveLength(2);
  });
});

describe("a change of the network key", () => {
  it("locks out those who lack it, and lets in those who have it", async () => {
    const first = await startBox();
    const second = await startBox({ peers: [placeOf(first)] });
    await eventually(() => second.swarm.status().peers.length === 1);

    const other = NetworkKey.generate().reveal();
    await first.swarm.join(other);
    expect(first.swarm.admits(second.identity.id)).toBe(false);
    expect(first.swarm.holders(FILE)).toEqual([]);
    await eventually(() => rejected(first, "wrong_proof") + rejected(second, "wrong_proof") > 0);
    expect(first.swarm.status().peers).toEqual([]);

    await second.swarm.join(other);
    await eventually(() => second.swarm.status().peers.length === 1);
    expect(first.swarm.invite()).toBe(other);
  });

  it("is refused with a reason when the key is malformed, and changes nothing", async () => {
    const box = await startBox();
    await expect(box.swarm.join("dsw1nonsense")).rejects.toMatchObject({ code: "INVALID_NETWORK_KEY" });
    expect(box.swarm.invite()).toBe(NETWORK.reveal());
  });
});
