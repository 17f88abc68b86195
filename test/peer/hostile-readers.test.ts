import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { makeAsking, makeIdentity, retrieve, startServing, type ServingBox } from "./rig.ts";
import type { Identity } from "../../src/swarm/identity.ts";

/** More than the buffers of both ends of a connection hold. */
const LARGE = randomBytes(7 * 2 ** 20);
const SMALL = randomBytes(100);

async function serve(): Promise<ServingBox> {
  const box = await startServing([LARGE, SMALL]);
  onTestFinished(() => box.stop());
  return box;
}

/** A connection of a member that reads only what the test takes from it. */
async function connectAs({ tls }: Identity, { holder: { host, port } }: ServingBox): Promise<TLSSocket> {
  const socket = connect({ ...tls, host, port, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  onTestFinished(() => void socket.destroy());
  return socket;
}

function ask(socket: TLSSocket, file: Buffer): void {
  socket.write(`GET /blobs/${digestOf(file)} HTTP/1.1\r\nhost: x\r\n\r\n`);
}

test("a reader that takes nothing is cut off, and its blob is closed", async () => {
  const box = await serve();
  let isClosed = false;
  const open = box.shelf.open.bind(box.shelf);
  box.shelf.open = async (digest) => ({ ...(await open(digest))!, close: async () => void (isClosed = true) });
  const socket = await connectAs(await makeIdentity(), box);
  socket.pause();
  ask(socket, LARGE);
  await expect.poll(() => box.traffic.uploaded().requests).toBe(1);
  await expect.poll(() => isClosed, { timeout: 15_000 }).toBe(true);
}, 25_000);

test("who asks for more before it has its answer is cut off, and holds nothing", async () => {
  const box = await serve();
  const held = new Set<object>();
  const open = box.shelf.open.bind(box.shelf);
  box.shelf.open = async (digest) => {
    const blob = { ...(await open(digest))!, close: async () => void held.delete(blob) };
    held.add(blob);
    return blob;
  };
  const socket = await connectAs(await makeIdentity(), box);
  ask(socket.pause(), LARGE);
  await expect.poll(() => held.size).toBe(1);
  for (let number = 0; number < 16; number += 1) ask(socket, LARGE);
  await new Promise((resolve) => socket.resume().once("close", resolve)); // a reset is right, too
  await expect.poll(() => held.size).toBe(0);
});

test("the blob of a reader that leaves before it is open is closed", async () => {
  const box = await serve();
  const open = box.shelf.open.bind(box.shelf);
  const events = new EventEmitter();
  let isClosed = false;
  box.shelf.open = async (digest) => {
    if (digest !== digestOf(LARGE)) return open(digest);
    events.emit("asked");
    await once(events, "go on");
    return { ...(await open(digest))!, close: async () => void (isClosed = true) };
  };
  const socket = await connectAs(await makeIdentity(), box);
  const asked = once(events, "asked");
  ask(socket, LARGE);
  await asked;
  socket.destroy();
  const asking = await makeAsking([box.holder]);
  onTestFinished(() => asking.stop());
  await retrieve(asking, SMALL); // meanwhile the server has seen the other one leave
  events.emit("go on");
  await expect.poll(() => isClosed).toBe(true);
});

test("readers that take nothing on every place keep nobody from a blob", async () => {
  const box = await serve();
  for (let reader = 0; reader < 8; reader += 1) {
    const identity = await makeIdentity();
    const sockets = await Promise.all(Array.from({ length: 16 }, () => connectAs(identity, box)));
    for (const socket of sockets) ask(socket.pause(), LARGE);
  }
  await expect.poll(() => box.traffic.uploaded().requests, { timeout: 10_000 }).toBe(128);
  const asking = await makeAsking([box.holder]);
  onTestFinished(() => asking.stop());
  const get = (): Promise<boolean> => retrieve(asking, SMALL).then(({ bytes }) => bytes.equals(SMALL));
  await expect.poll(() => get().catch(() => false), { timeout: 15_000, interval: 200 }).toBe(true);
}, 40_000);

test("an upload under way ends when its reader is no member any more", async () => {
  const box = await serve();
  const identity = await makeIdentity();
  box.members = new Set([identity.id]);
  const socket = await connectAs(identity, box);
  ask(socket, LARGE);
  let received = (await once(socket, "data")).reduce((sum, bytes: Buffer) => sum + bytes.length, 0);
  socket.pause();
  box.members.clear();
  socket.on("data", (bytes: Buffer) => (received += bytes.length)).resume();
  await once(socket, "close");
  expect(received).toBeLessThan(LARGE.length);
});

test("a member that begins no request, or does not end it, is cut off within 15 s", async () => {
  const box = await serve();
  const sockets = await Promise.all([1, 2].map(async () => connectAs(await makeIdentity(), box)));
  sockets[1]!.write("GET /blobs/");
  const areClosed = (): boolean => sockets.every((socket) => socket.resume().closed);
  await expect.poll(areClosed, { timeout: 15_000 }).toBe(true);
});

test("a request that brings a body is refused, and nothing of it is read on", async () => {
  const box = await serve();
  const socket = await connectAs(await makeIdentity(), box);
  socket.write(`GET /blobs/${digestOf(SMALL)} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 400/);
  await new Promise((resolve) => socket.resume().once("close", resolve)); // a reset is right, too
});

test("an outsider that holds connections open keeps no member out, is cut off and counted", async () => {
  const box = await serve();
  const { host, port } = box.holder;
  let closed = 0;
  const sockets: Socket[] = [];
  for (let number = 0; number < 300; number += 1) {
    const socket = connectTcp(port, host).on("error", () => {});
    socket.once("close", () => (closed += 1));
    sockets.push(socket);
    await once(socket, "connect");
  }
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  const asking = await makeAsking([box.holder]);
  onTestFinished(() => asking.stop());
  expect((await retrieve(asking, SMALL)).bytes.equals(SMALL)).toBe(true);
  await expect.poll(() => closed, { timeout: 10_000 }).toBe(300);
  expect(box.traffic.turnedAway).toBeGreaterThan(200);
}, 20_000);

test("an outsider that breaks off and dials again from the same port is cut off, too", async () => {
  const box = await serve();
  const { host, port } = box.holder;
  const dial = async (localPort?: number): Promise<Socket> => {
    const socket = connectTcp({ host, port, ...(localPort && { localPort }) }).on("error", () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  const first = await dial();
  const { localPort } = first;
  await connectAs(await makeIdentity(), box); // so the first one has been taken in
  first.resetAndDestroy(); // the box hears of the new one before the old one is closed
  const again = await dial(localPort);
  await new Promise((resolve) => again.once("close", resolve));
}, 10_000);
