import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { Duplex } from "node:stream";
import type { NoiseStream } from "hyperswarm";

/** One end of a connection of the swarm, in memory: what is written here is read there, each write as one message. */
export class MemoryStream extends Duplex implements NoiseStream {
  readonly rawStream = Object.assign(new EventEmitter(), { remoteHost: "127.0.0.1", remotePort: 1 });
  readonly isInitiator: boolean;
  readonly publicKey: Buffer;
  readonly remotePublicKey: Buffer;
  readonly handshakeHash: Buffer;
  /** While true nothing that is written here is taken: the other end does not read. */
  isStuck = false;
  #other: MemoryStream | undefined;

  private constructor(isInitiator: boolean, keys: readonly [Buffer, Buffer], handshakeHash: Buffer) {
    super();
    this.isInitiator = isInitiator;
    [this.publicKey, this.remotePublicKey] = keys;
    this.handshakeHash = handshakeHash;
    this.on("error", () => {});
  }

  /** Both ends of a connection between the boxes with these public keys; the first one dialled. */
  static pair(a: Buffer, b: Buffer): [MemoryStream, MemoryStream] {
    const handshakeHash = randomBytes(64);
    const ends: [MemoryStream, MemoryStream] = [
      new MemoryStream(true, [a, b], handshakeHash),
      new MemoryStream(false, [b, a], handshakeHash),
    ];
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.isStuck) return;
    this.#other!.push(Buffer.from(bytes));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error);
    this.#other!.push(null);
    setImmediate(() => this.#other!.destroy());
  }
}
