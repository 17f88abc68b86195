import type { Digest } from "./digest.ts";

/** A box that can give a blob. */
export interface Holder {
  /** Its public key as 64 hex characters. */
  readonly id: string;
  /** Its host name, for people. */
  readonly name: string;
  /** Where its data plane is: IPv4 address and TCP port. */
  readonly host: string;
  readonly port: number;
  /** It is still receiving the blob: a growing copy can be read. @default false */
  readonly growing?: boolean;
}

/** What the data plane asks of the control plane. */
export interface Directory {
  /** Who can give a blob, best first; answered from memory. */
  holders(digest: Digest): readonly Holder[];
  /** The peer with this id, as one that may be receiving a blob; undefined without a session. */
  peer(id: string): Holder | undefined;
  /** Told that a peer does not have a blob that it was said to have. */
  disown(id: string, digest: Digest): void;
}
