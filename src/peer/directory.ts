import type { Digest } from "../core/digest.ts";

/** A box that can give a blob. */
export interface Holder {
  /** Its public key as 64 hex characters. */
  readonly id: string;
  /** Its host name, for people. */
  readonly name: string;
  /** Where its data plane is: address and TCP port. */
  readonly host: string;
  readonly port: number;
  /** It is still receiving the blob. */
  readonly growing?: boolean;
}

/** What the data plane asks of the control plane. */
export interface Directory {
  /** Who can give a blob, best first; answered from memory. */
  holders(digest: Digest): readonly Holder[];
  /** The connected peer with this id. */
  peer(id: string): Holder | undefined;
  /** Told that a peer does not have a blob that it was said to have. */
  disown(id: string, digest: Digest): void;
}
