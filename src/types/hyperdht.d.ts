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

  /** What another node, or anybody, asks by UDP. */
  export interface DhtRequest {
    /** A command of the DHT itself, such as a ping, and not of what is built on it. */
    readonly internal: boolean;
    readonly command: number;
    /** 32 bytes: the hash of a key, or of what is looked for. */
    readonly target: Buffer | null;
    /** `id`: what it gives out for its place in the DHT. */
    readonly from: NodeAddress & { id: Buffer | null };
    reply(value: Buffer | null, options: { token: boolean; closerNodes: boolean }): void;
  }

  /** A look-up under way: its replies, and who gave those nearest to the key. */
  export interface PeerQuery extends AsyncIterable<unknown> {
    readonly closestReplies: readonly unknown[];
    readonly closestNodes: readonly NodeAddress[];
    finished(): Promise<void>;
    destroy(): void;
  }

  export default class HyperDHT extends EventEmitter {
    /**
     * A node that asks nobody: bound to `options.host`, known to others as `host`. With `ephemeral` it is none that others
     * remember; else it is persistent at once.
     */
    static bootstrapper(port: number, host: string, options?: { host?: string; ephemeral?: boolean }): HyperDHT;
    /** 32 bytes of BLAKE2b. */
    static hash(data: Buffer): Buffer;
    readonly destroyed: boolean;
    /** Nodes that it knows. */
    toArray(): NodeAddress[];
    /** Called with each request, before it is answered. */
    _onrequest(request: DhtRequest, isExternal: boolean): void;
    /** Looks up nodes that lead to a key, to dial it and to be found by one's own. */
    findPeer(): PeerQuery;
    connect(remotePublicKey: Buffer, options?: ConnectOptions): NoiseStream;
    /** Resolves when the UDP sockets are bound; rejects with the system's error. */
    bind(): Promise<void>;
    destroy(options?: { force?: boolean }): Promise<void>;
  }
}
