import type { PeerStatus } from "../core/agent-api.ts";
import type { StaticPeerStatus } from "./discovery/static-peers.ts";
import type { LastRejected, Rejection } from "./rejections.ts";

/** The swarm's part of the status. */
export interface SwarmStatus {
  /** What the data plane knows of them (bytes, faults) is not in it. */
  readonly peers: readonly PeerStatus[];
  /** The addresses at which this box offers the swarm; empty without a network. */
  readonly addresses: readonly string[];
  /** Hosts of peers that could reach this box's TCP port, and that could not. */
  readonly port: { readonly open: readonly string[]; readonly closed: readonly string[] };
  readonly rejected: Readonly<Record<Rejection, number>>;
  /** The last of each of these. */
  readonly last_rejected: Readonly<Partial<Record<Rejection, LastRejected>>>;
  /** What came of each of `swarm.peers`. */
  readonly static: readonly StaticPeerStatus[];
  /** Blobs that peers hold, over all peers. */
  readonly haves: number;
  /** Why there is no swarm, when there is none. */
  readonly problem?: string;
}

/** The warnings for those of `swarm.peers` that are not reached, for a box that is alone: beside other peers any may be off. */
export function unreached(staticPeers: readonly StaticPeerStatus[]): string[] {
  const problems = staticPeers.filter(({ problem }) => problem !== undefined);
  return problems.map(({ address, problem }) => `no peer is here; swarm.peers: ${address}: ${problem}`);
}
