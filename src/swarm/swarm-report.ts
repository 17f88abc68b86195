import type { LastRejected, SwarmStatus } from "../core/report/swarm-status.ts";
import type { StaticPeerStatus } from "./discovery/static-peers.ts";
import type { Rejection } from "./rejections.ts";

/** What the swarm itself tells of its part of the status. */
export interface SwarmReport extends Required<Pick<SwarmStatus, "peers" | "addresses" | "port" | "haves">> {
  readonly rejected: Readonly<Record<Rejection, number>>;
  readonly last_rejected: Readonly<Partial<Record<Rejection, LastRejected>>>;
  readonly static: readonly StaticPeerStatus[];
  readonly problem?: string;
  readonly unoffered?: string;
}

/** The warning for a box that announces itself at `address`, and with which there is no session. */
export function noSession(address: string): string {
  const mend = "open the port of swarm.listen, UDP and TCP, in its firewall and in that of this box";
  return `the box at ${address} is heard by multicast, and not reached: ${mend}`;
}

/**
 * The warnings for those of `swarm.peers` that are not reached, for a box
 * that is alone: beside other peers any may be off.
 */
export function unreached(staticPeers: readonly StaticPeerStatus[]): string[] {
  const problems = staticPeers.filter(({ problem }) => problem !== undefined);
  return problems.map(({ address, problem }) => `no peer is here; swarm.peers: ${address}: ${problem}`);
}
