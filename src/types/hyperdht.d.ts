/** The part of hyperdht 6 that the swarm uses; the package carries no types. */
declare module "hyperdht" {
  import type { EventEmitter } from "node:events";

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

  export default class HyperDHT extends EventEmitter {
    /** A node that is persistent at once, and asks nobody: bound to `options.host`, known to others as `host`. */
    static bootstrapper(
      port: number,
      host: string,
      options?: { host?: string; filterNode?: (node: NodeAddress) => boolean },
    ): HyperDHT;
    readonly destroyed: boolean;
    addNode(node: NodeAddress): void;
    toArray(): NodeAddress[];
    /** Resolves when the UDP sockets are bound; rejects with the system's error. */
    bind(): Promise<void>;
    destroy(options?: { force?: boolean }): Promise<void>;
  }
}
