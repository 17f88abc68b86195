/** One peer, for status and `peers`. */
export interface PeerStatus {
  readonly id: string;
  readonly host: string;
  readonly address: string;
  /** How many distfiles it holds. */
  readonly distfiles: number;
  /** How it was found first. */
  readonly found?: "mdns" | "static" | "remembered" | "told" | "incoming";
  readonly since?: string;
  readonly version?: string;
  /** Bytes of blobs from and to it. */
  readonly received?: number;
  readonly sent?: number;
  readonly faults?: number;
  /** Set when something is wrong with it, with the mend: `TCP port 8481 is closed: open it in the firewall of h2`. */
  readonly problem?: string;
}

/** The other boxes and what keeps them away, for status and `peers`. An older agent does not say all of it. */
export interface SwarmStatus {
  readonly peers: readonly PeerStatus[];
  /** Why there is no swarm. */
  readonly problem?: string;
  /** The addresses at which this box offers the swarm; empty without a network. */
  readonly addresses?: readonly string[];
  /** Why there is no such address: no other box is looked for then. */
  readonly unoffered?: string;
  /** Hosts of peers that could reach this box's TCP port, and that could not. */
  readonly port?: { readonly open: readonly string[]; readonly closed: readonly string[] };
  /** Connections to the swarm that were refused, by reason, and the last of each. */
  readonly rejected?: Readonly<Record<string, number>>;
  readonly last_rejected?: Readonly<Record<string, LastRejected>>;
  /** Connections to the blob port that were refused. */
  readonly turned_away?: number;
  /** What came of each of `swarm.peers`; `problem`: there is no session, and why. */
  readonly static?: readonly { readonly address: string; readonly problem?: string }[];
  /** Blobs that peers hold, over all peers. */
  readonly haves?: number;
}

/** The last connection that was refused for a reason. */
export interface LastRejected {
  /** ISO 8601. */
  readonly at: string;
  /** IPv4 address that it came from, where that is known. */
  readonly address?: string;
}
