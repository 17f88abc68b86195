/** The part of hyperdht 6 that the swarm uses; the package carries no types. */
declare module "hyperdht" {
  import type { EventEmitter } from "node:events";
  import type { NoiseStream } from "hyperswarm";

  export interface NodeAddress {
    readonly host: string;
    readonly port: number;
  }

  export interface KeyPair {
    /** 32 bytes. */
    readonly publicKey: Buffer;
    /** 64 bytes: seed, then public key. */
    readonly secretKey: Buffer;
  }

  export interface ConnectOptions {
    /** Nodes that lead to the key, asked before any look-up: the one that has it, or others. */
    readonly relayAddresses?: readonly NodeAddress[];
  }

  /** A look-up under way: its replies, and who gave those nearest to the key. */
  export interface PeerQuery extends AsyncIterable<unknown> {
    readonly closestReplies: readonly unknown[];
    readonly closestNodes: readonly NodeAddress[];
    finished(): Promise<void>;
    destroy(): void;
  }

  export default class HyperDHT extends EventEmitter {
    /** A node that is persistent at once, and asks nobody: bound to `options.host`, known to others as `host`. */
    static bootstrapper(port: number, host: string, options?: { host?: string }): HyperDHT;
    readonly destroyed: boolean;
    /** Nodes that it knows. */
    toArray(): NodeAddress[];
    /** Looks up nodes that lead to a key, to dial it and to be found by one's own. */
    findPeer(): PeerQuery;
    connect(remotePublicKey: Buffer, options?: ConnectOptions): NoiseStream;
    /** Resolves when the UDP sockets are bound; rejects with the system's error. */
    bind(): Promise<void>;
    destroy(options?: { force?: boolean }): Promise<void>;
  }
}
