/** The part of protomux 3 and compact-encoding that the swarm uses; the packages carry no types. */
declare module "protomux" {
  import type { Duplex } from "node:stream";

  /** How a value lies in a frame (compact-encoding). */
  export interface Encoding<T> {
    preencode(state: EncodingState, value: T): void;
    encode(state: EncodingState, value: T): void;
    decode(state: EncodingState): T;
  }

  export interface EncodingState {
    buffer: Buffer;
    start: number;
    end: number;
  }

  export interface MuxMessage<T> {
    /** False when the stream's buffer is full: wait for `ondrain`. */
    send(value: T): boolean;
  }

  export interface MuxChannel {
    readonly opened: boolean;
    readonly closed: boolean;
    readonly drained: boolean;
    /** Opens our end; `handshake` is the first thing that the other end is sent. */
    open(handshake: Buffer): void;
    close(): void;
    addMessage<T>(options: { encoding: Encoding<T>; onmessage: (value: T) => void }): MuxMessage<T>;
  }

  export interface ChannelOptions {
    readonly protocol: string;
    readonly handshake: Encoding<Buffer>;
    readonly onopen: (remoteHandshake: Buffer) => void;
    readonly onclose: () => void;
    readonly ondrain?: () => void;
  }

  export default class Protomux {
    constructor(stream: Duplex);
    /** Null when the same protocol is open already. */
    createChannel(options: ChannelOptions): MuxChannel | null;
    destroy(error?: Error): void;
    /** Takes in a frame that holds several. Protomux's own: it is no part of what the package promises. */
    protected _onbatch(state: EncodingState): void;
  }
}
