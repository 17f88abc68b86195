/** The part of hyperswarm 4 that the swarm uses; the package carries no types. */
declare module "hyperswarm" {
  import type { EventEmitter } from "node:events";
  import type { Duplex } from "node:stream";
  import type HyperDHT from "hyperdht";
  import type { KeyPair } from "hyperdht";

  /** An encrypted connection whose remote key is proved (NoiseSecretStream of @hyperswarm/secret-stream). */
  export interface NoiseStream extends Duplex {
    readonly isInitiator: boolean;
    readonly publicKey: Buffer;
    readonly remotePublicKey: Buffer;
    /** 64 bytes, the same on both ends and on no other connection. */
    readonly handshakeHash: Buffer;
    /** The UDX stream below; its `data` are the bytes as they come, before a frame is whole. */
    readonly rawStream: EventEmitter & { readonly remoteHost: string; readonly remotePort: number };
    destroy(error?: Error): this;
  }

  export interface HyperswarmOptions {
    readonly dht: HyperDHT;
    readonly keyPair: KeyPair;
    readonly maxPeers?: number;
    readonly maxParallel?: number;
    /** Four waits between dials, in milliseconds. */
    readonly backoffs?: readonly [number, number, number, number];
    /** True refuses the key, and bans it. */
    readonly firewall?: (remotePublicKey: Buffer) => boolean;
  }

  /** What is known of a key. */
  export interface PeerInfo {
    /** A banned key is neither dialled nor let in, and the firewall is not asked. */
    ban(isBanned: boolean): void;
  }

  export interface HyperswarmEvents {
    connection: [stream: NoiseStream];
    ban: [peer: PeerInfo];
  }

  export default class Hyperswarm extends EventEmitter<HyperswarmEvents> {
    constructor(options: HyperswarmOptions);
    readonly dht: HyperDHT;
    readonly connections: ReadonlySet<NoiseStream>;
    listen(): Promise<void>;
    joinPeer(publicKey: Buffer): void;
    leavePeer(publicKey: Buffer): void;
    destroy(): Promise<void>;
  }
}
