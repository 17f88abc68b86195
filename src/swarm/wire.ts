import type { NoiseStream } from "hyperswarm";
import type { Encoding, MuxChannel, MuxMessage } from "protomux";
import { messageOf, systemCode } from "../core/errors.ts";
import { Pulse } from "../core/async/pulse.ts";
import { systemClock } from "./clock.ts";
import { FlatMux } from "./flat-mux.ts";
import { FloodGuard, MEMBER_LIMITS, STRANGER_LIMITS } from "./flood-guard.ts";
import { RuleBroken, decodeMessage, encodeMessage, type Message } from "./messages.ts";
import type { NetworkKey, Role } from "./network-key.ts";

const PROTOCOL = "distswarm/1";
/** How long the other end may take to prove the network key. */
const PROOF_TIMEOUT_MS = 3000;
/**
 * Bytes off the line before the proof. Frames are gathered below us, of up to 16 MiB each, and only a whole one is counted
 * by the guard: outsiders could have us hold whatever they send in 3 s.
 */
const MAX_UNPROVED_BYTES = 64 * 1024;

/** Hyperswarm ends a connection so for another one with the same box: an error without a code, and nobody's fault. */
const DUPLICATE = "Duplicate connection";

/** Why a connection ended. */
export type WireEnd =
  /** The other end left, or cannot be reached any more. */
  | "left"
  /** It left before it had proved anything: a stranger who saw that we are none of his, or a member in a hurry. */
  | "left-unproved"
  /** We closed it. */
  | "closed"
  /** It sent no proof within the limit: no agent, or a box that is busy. */
  | "silent"
  /** It does not know our protocol: it runs another version, or something else. */
  | "other-protocol"
  | "wrong-proof"
  /** What came from it cannot be read below our protocol: it sends nonsense, or the bytes were damaged on their way. */
  | "garbled"
  /** It broke a rule of the protocol. */
  | "rule";

/** What happens on a wire. `ended` is the last call, and comes once. */
interface WireHandlers {
  proved(): void;
  /** May throw a {@link RuleBroken}. */
  message(message: Message): void;
  ended(why: WireEnd, detail: string): void;
}

/**
 * One connection of the swarm: proves membership both ways before anything else is sent, then carries messages. The proof
 * is the first thing that each end sends; what a stranger sends after a wrong one is never read.
 */
export class Wire {
  readonly #stream: NoiseStream;
  readonly #key: NetworkKey;
  readonly #handlers: WireHandlers;
  readonly #mux: FlatMux;
  readonly #drained = new Pulse();
  readonly #cancelTimeout: () => void;
  #channel: MuxChannel | undefined;
  #message: MuxMessage<Buffer> | undefined;
  #guard = new FloodGuard(STRANGER_LIMITS, performance.now());
  #isProved = false;
  #rawBytes = 0;
  #end: { why: WireEnd; detail: string } | undefined;

  constructor(stream: NoiseStream, key: NetworkKey, handlers: WireHandlers) {
    this.#stream = stream;
    this.#key = key;
    this.#handlers = handlers;
    const late = (): void => this.close("silent", "sent no proof in time");
    this.#cancelTimeout = systemClock.at(systemClock.now() + PROOF_TIMEOUT_MS, late);
    stream.rawStream.on("data", this.#countRaw);
    stream.on("data", (bytes: Buffer) => this.#count(bytes.length));
    stream.on("error", (error) => this.#note(error));
    stream.once("close", () => this.#ended());
    this.#mux = new FlatMux(stream);
    this.#open();
  }

  /** Sends a message; resolves when there is room for the next one, or when the wire has ended. */
  async send(message: Message): Promise<void> {
    if (this.#end !== undefined || this.#message === undefined) return;
    const hasRoom = this.#message.send(encodeMessage(message));
    if (!hasRoom && this.#end === undefined) await this.#drained.wait();
  }

  /** Ends the connection. */
  close(why: WireEnd, detail: string): void {
    this.#end ??= { why, detail };
    this.#drained.fire();
    this.#mux.destroy();
  }

  #open(): void {
    const channel = this.#mux.createChannel({
      protocol: PROTOCOL,
      handshake: REST_OF_FRAME,
      onopen: (proof) => this.#onProof(proof),
      onclose: () => this.#onChannelClosed(),
      ondrain: () => this.#drained.fire(),
    });
    if (channel === null) return this.close("left", "it closed at once");
    this.#channel = channel;
    this.#message = channel.addMessage({ encoding: REST_OF_FRAME, onmessage: (frame) => this.#onFrame(frame) });
    channel.open(this.#key.proof(this.#stream.handshakeHash, this.#role(this.#stream.isInitiator)));
  }

  #onProof(proof: Buffer): void {
    if (this.#end !== undefined) return;
    const role = this.#role(!this.#stream.isInitiator);
    if (!this.#key.isProof(proof, this.#stream.handshakeHash, role)) {
      return this.close("wrong-proof", "does not hold our network key");
    }
    this.#cancelTimeout();
    this.#stream.rawStream.off("data", this.#countRaw);
    this.#guard = new FloodGuard(MEMBER_LIMITS, performance.now());
    this.#isProved = true;
    this.#handlers.proved();
  }

  #onFrame(frame: Buffer): void {
    if (this.#end !== undefined) return;
    try {
      const message = decodeMessage(frame);
      if (message !== undefined) this.#handlers.message(message);
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      this.close("rule", error.message);
    }
  }

  #onChannelClosed(): void {
    if (this.#end !== undefined) return;
    if (this.#isProved) return this.close("left", "it closed the channel");
    this.close("other-protocol", `does not speak ${PROTOCOL}: another version of distswarm, or another program`);
  }

  readonly #countRaw = (bytes: Buffer): void => {
    this.#rawBytes += bytes.length;
    if (this.#rawBytes > MAX_UNPROVED_BYTES) this.close("rule", "sends more than a proof");
  };

  #count(bytes: number): void {
    if (this.#end !== undefined || this.#guard.takes(bytes, performance.now())) return;
    this.close("rule", this.#isProved ? "sends more than a member may" : "sends more than a proof");
  }

  /** Errors of the system, of UDX and of the DHT have a code; those of the decoders below us have none. */
  #note(error: Error): void {
    this.#end ??= { why: this.#reasonOf(error), detail: messageOf(error) };
  }

  #reasonOf(error: Error): WireEnd {
    if (error.message === DUPLICATE) return "left";
    if (systemCode(error) === undefined) return "garbled";
    return this.#isProved ? "left" : "left-unproved";
  }

  #ended(): void {
    this.#cancelTimeout();
    this.#end ??= { why: this.#isProved ? "left" : "left-unproved", detail: "it left" };
    this.#drained.fire();
    this.#channel?.close();
    this.#handlers.ended(this.#end.why, this.#end.detail);
  }

  #role(isInitiator: boolean): Role {
    return isInitiator ? "initiator" : "responder";
  }
}

/** Bytes up to the end of their frame. */
const REST_OF_FRAME: Encoding<Buffer> = {
  preencode: (state, bytes) => {
    state.end += bytes.length;
  },
  encode: (state, bytes) => {
    state.start += bytes.copy(state.buffer, state.start);
  },
  decode: (state) => {
    const bytes = state.buffer.subarray(state.start, state.end);
    state.start = state.end;
    return bytes;
  },
};
