import { randomBytes } from "node:crypto";
import type { NoiseStream } from "hyperswarm";
import Protomux, { type Encoding, type MuxChannel } from "protomux";
import { identityFromSeed, type Identity } from "../../src/swarm/identity.ts";
import type { NetworkKey } from "../../src/swarm/network-key.ts";
import { Transport } from "../../src/swarm/transport.ts";
import { placeOf } from "./boxes.ts";
import { freePort } from "../support/free-port.ts";

const BYTES: Encoding<Buffer> = {
  preencode: (state, bytes) => void (state.end += bytes.length),
  encode: (state, bytes) => void (state.start += bytes.copy(state.buffer, state.start)),
  decode: (state) => state.buffer.subarray(state.start, state.end),
};

/** A connection as an outsider has it: the bare stream, and all that it was told. */
export interface Contact {
  readonly stream: NoiseStream;
  readonly heard: Buffer[];
  readonly closed: Promise<void>;
}

/** A box to dial. */
interface Target {
  readonly identity: { readonly id: string };
  /** Of its swarm, on loopback. */
  readonly port: number;
}

/** A node that speaks Hyperswarm, and does on each connection what a test says. */
export interface Outsider {
  readonly identity: Identity;
  /** Dials a box; what happens then is up to the test. */
  dial(box: Target): void;
  readonly contacts: Contact[];
  stop(): Promise<void>;
}

/** Starts one, at an address of loopback. */
export async function startOutsider(
  behave: (contact: Contact) => void,
  { address = "127.0.0.1" }: { address?: string } = {},
): Promise<Outsider> {
  const identity = await identityFromSeed(randomBytes(32));
  const contacts: Contact[] = [];
  const transport = new Transport(
    {
      keyPair: identity.keyPair,
      denies: () => false,
      connected: (stream) => {
        const heard: Buffer[] = [];
        stream.on("error", () => {});
        stream.on("data", (bytes: Buffer) => heard.push(Buffer.from(bytes)));
        const closed = new Promise<void>((resolve) => void stream.once("close", resolve));
        const contact = { stream, heard, closed };
        contacts.push(contact);
        behave(contact);
      },
    },
    { bind: address, port: await freePort(), address },
  );
  await transport.start();
  return {
    identity,
    contacts,
    dial: (box) => transport.dial(box.identity.id, [placeOf(box)]),
    stop: () => transport.stop(),
  };
}

/**
 * Opens the channel of the swarm with any proof; `onopen` is told the other end's, `onmessage` each frame that it sends,
 * `send` sends any frame.
 */
export function openChannel(
  { stream }: Contact,
  proof: Buffer,
  onopen: (proof: Buffer) => void = () => {},
  onmessage: (frame: Buffer) => void = () => {},
): { channel: MuxChannel; send: (frame: Buffer) => void } {
  const mux = new Protomux(stream);
  const channel = mux.createChannel({ protocol: "distswarm/1", handshake: BYTES, onopen, onclose: () => {} })!;
  const message = channel.addMessage({ encoding: BYTES, onmessage });
  channel.open(proof);
  return { channel, send: (frame) => void message.send(frame) };
}

/** The right proof for this end of a connection. */
export function rightProof({ stream }: Contact, key: NetworkKey): Buffer {
  return key.proof(stream.handshakeHash, stream.isInitiator ? "initiator" : "responder");
}
