import type { PeerStatus, SwarmStatus } from "../core/report/swarm-status.ts";
import type { Peer } from "./peer.ts";

/** What is known of a peer beside its session. */
interface PeerFacts {
  /** Blobs that it holds. */
  readonly distfiles: number;
  /** How discovery found it; undefined when it came by itself. */
  readonly found: PeerStatus["found"] | undefined;
}

/** A peer as `status` and `peers` tell of it; it has said who it is. */
export function statusOf({ id, hello, session, problem }: Peer, { distfiles, found }: PeerFacts): PeerStatus {
  return {
    id,
    host: hello!.host,
    address: `${session.host}:${hello!.port}`,
    distfiles,
    found: found ?? "incoming",
    since: session.since.toISOString(),
    version: hello!.version,
    ...(problem === undefined ? {} : { problem }),
  };
}

/** The warning for a peer whose haves are not all known. */
export function partialWarning({ hello, session }: Peer): string {
  return `not all that ${hello!.host} (${session.host}) holds is known: peers say that they hold more than this box can remember`;
}

/** Hosts that could reach this box's TCP port, and that could not. */
export type OwnPort = NonNullable<SwarmStatus["port"]>;

/** What the peers have found of this box's TCP port. */
export function ownPort(peers: readonly Peer[]): OwnPort {
  const hosts = (reached: boolean): string[] =>
    peers.filter(({ reachesUs }) => reachesUs === reached).map(({ hello }) => hello!.host);
  return { open: hosts(true), closed: hosts(false) };
}
