import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import HyperDHT from "hyperdht";
import { afterEach, expect, test } from "vitest";
import { makeBox, type Box } from "./boxes.ts";

/** What the format of dht-rpc has of a request (`lib/io.js`): its first byte, and the flags. */
const REQUEST = 0x03;
const HAS = { id: 1, isInternal: 4, target: 8, value: 16 };

/** What a node of a DHT answers: its own commands, and those of hyperdht. */
const PING = 0;
const PING_NAT = 1;
const FIND_NODE = 2;
const DELAYED_PING = 4;
const PEER_HANDSHAKE = 0;
const PEER_HOLEPUNCH = 1;
const FIND_PEER = 2;
const LOOKUP = 3;
const MUTABLE_GET = 7;
const IMMUTABLE_PUT = 8;
const IMMUTABLE_GET = 9;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A stranger with a bare UDP socket, as all of the LAN have it, and what it was sent. */
async function stranger(): Promise<{ socket: Socket; port: number; heard: Buffer[] }> {
  const socket = createSocket("udp4");
  const heard: Buffer[] = [];
  socket.on("message", (bytes) => heard.push(bytes));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanUps.push(async () => void socket.close());
  return { socket, port: socket.address().port, heard };
}

async function startBox(): Promise<Box> {
  const box = await makeBox();
  cleanUps.push(() => box.remove());
  await box.swarm.start();
  return box;
}

/** A request; `value` in front of its length, as `compact-encoding` has it, and an id of a node at this port. */
function request(
  command: number,
  options: { flags?: number; target?: Buffer; value?: Buffer; from?: number } = {},
): Buffer {
  const { flags = 0, target, value, from } = options;
  const present = flags | (target ? HAS.target : 0) | (value ? HAS.value : 0) | (from ? HAS.id : 0);
  const number = 7;
  const to = [127, 0, 0, 1, 0x11, 0x21];
  const parts: Buffer[] = [Buffer.of(REQUEST, present, number, 0, ...to)];
  if (from !== undefined) parts.push(idOf(from));
  parts.push(Buffer.of(command));
  if (target !== undefined) parts.push(target);
  if (value !== undefined) parts.push(lengthOf(value), value);
  return Buffer.concat(parts);
}

/** By which a node at this port of loopback is known in a DHT. */
function idOf(port: number): Buffer {
  return HyperDHT.hash(Buffer.of(127, 0, 0, 1, port & 0xff, port >> 8));
}

function lengthOf(value: Buffer): Buffer {
  return value.length < 0xfd ? Buffer.of(value.length) : Buffer.of(0xfd, value.length & 0xff, value.length >> 8);
}

test("whoever sends datagrams to the port of the swarm has nothing kept, told, passed on or made larger", async () => {
  const box = await startBox();
  const { socket, port, heard } = await stranger();
  const value = randomBytes(900);
  const target = HyperDHT.hash(value);
  const ask = (bytes: Buffer): void => socket.send(bytes, box.port, "127.0.0.1");

  const { isInternal: flags } = HAS;
  const here = [port & 0xff, port >> 8]; // to which it could as well pass something on as to anybody
  for (const from of [undefined, port]) {
    const node = from === undefined ? {} : { from };
    ask(request(PING, { flags, ...node }));
    ask(request(PING_NAT, { flags, value: Buffer.of(...here), ...node }));
    ask(request(FIND_NODE, { flags, target, ...node }));
    ask(request(DELAYED_PING, { flags, value: Buffer.alloc(4), ...node }));
    for (const command of [FIND_PEER, LOOKUP, MUTABLE_GET, IMMUTABLE_GET]) ask(request(command, { target, ...node }));
    ask(request(IMMUTABLE_PUT, { target, value, ...node }));
    const elsewhere = Buffer.of(2, 0, 1, 9, 127, 0, 0, 1, ...here); // from a client, by that relay
    ask(request(PEER_HANDSHAKE, { target, value: elsewhere, ...node }));
    ask(request(PEER_HOLEPUNCH, { target, value: elsewhere, ...node }));
  }
  const last = request(PEER_HANDSHAKE, { target: randomBytes(32), value: Buffer.of(0, 0, 1, 9) });
  last[2] = 99; // its number
  ask(last);
  while (heard.at(-1)?.[2] !== 99) await once(socket, "message");

  const handshakes = 3;
  expect(heard).toHaveLength(handshakes); // of which it is told that nobody of that key is here
  for (const answer of heard) expect(answer.length).toBeLessThan(last.length);
});
