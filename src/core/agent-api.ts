import type { Digest } from "./digest.ts";
import type { SnapshotStatus } from "./snapshots.ts";
import type { SourceKind } from "./source.ts";

/** Requests and bytes. */
export interface Tally {
  readonly requests: number;
  readonly bytes: number;
}

/** One retrieval under way, for status. */
export interface TransferStatus {
  /** Absent for a file of a tree snapshot: its name is all that is known of it. */
  readonly digest?: Digest;
  readonly name: string;
  readonly size: number;
  readonly received: number;
  /** Label of the source it comes from now; undefined while one is being looked for or while it waits in the queue. */
  readonly source?: string;
  readonly kind?: SourceKind;
  readonly seconds: number;
  /** Clients that wait for it on this box. */
  readonly clients: number;
}

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

/** What this box gave. */
export interface Traffic {
  /** What clients on this box were given, by where it came from. */
  readonly served: { readonly store: Tally; readonly peer: Tally; readonly upstream: Tally };
  /** What peers were given. */
  readonly uploaded: Tally;
  /** What was passed through without a digest. */
  readonly passed: Tally;
}

/**
 * What `status --json` prints; the {@link Traffic} in it is that since the start. Field names are a contract (DESIGN.md);
 * new ones may be added.
 */
export interface Status extends Traffic {
  readonly version: string;
  readonly uptime_seconds: number;
  /** 64 hex characters; empty while the agent has no swarm. */
  readonly id: string;
  readonly host: string;
  /** Where it keeps its keys and database; an older agent does not say. */
  readonly state_dir?: string;
  /** The config file that it has read, null for none; an older agent does not say. */
  readonly config_file?: string | null;
  readonly proxy: { readonly listen: readonly string[] };
  readonly swarm: SwarmStatus;
  readonly store: {
    readonly blobs: number;
    readonly bytes: number;
    readonly max_bytes: number;
    readonly dir: string;
    /** Why nothing can be kept now, with the mend; absent when all is well. */
    readonly problem?: string;
    readonly distdir: { readonly path: string | null; readonly blobs: number; readonly bytes: number };
  };
  readonly index: {
    readonly manifests: number;
    readonly distfiles: number;
    readonly ready: boolean;
    readonly repos: readonly string[];
  };
  /** What it gave over restarts: since midnight, and since the agent's first start. */
  readonly traffic?: { readonly today: Traffic; readonly total: Traffic };
  readonly transfers: readonly TransferStatus[];
  /** The kept tree snapshots, newest first. */
  readonly snapshots: readonly SnapshotStatus[];
  readonly mirrors: readonly MirrorStatus[];
  /** What an administrator should know or mend, each one plain line. */
  readonly warnings: readonly string[];
}

/** What downloads have taught about one mirror or upstream host. */
export interface MirrorStatus {
  readonly url: string;
  readonly layout: "flat" | "filename-hash" | "content-hash" | "unknown";
  readonly requests: number;
  readonly failures: number;
  readonly bytes: number;
  /** Bytes a second over its recent downloads. */
  readonly rate?: number;
  /** Left alone until then (ISO 8601), and why. */
  readonly avoided_until?: string;
  readonly problem?: string;
}

/** One try at one source during a retrieval; or several in a row that ended alike and brought nothing. */
export interface Attempt {
  readonly kind: SourceKind;
  readonly source: string;
  /** The source was a peer that was still receiving the file itself. */
  readonly growing?: boolean;
  /** ISO 8601. */
  readonly at: string;
  /** Where it began, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** To the headers, and in all; of several tries the first one's, and theirs together. */
  readonly first_ms?: number;
  readonly ms: number;
  /** How many tries, and when the last one began (ISO 8601); absent for one. */
  readonly times?: number;
  readonly last_at?: string;
  /** `ok`, `aborted`, or the code of its fault. */
  readonly outcome: string;
  readonly detail?: string;
}

/** What happened between this box and the others that wanted the same blob. */
export interface ClaimEvent {
  /** ISO 8601. */
  readonly at: string;
  /**
   * `claimed`: this box asked upstream for the LAN. `followed`: `box` claimed it, and this one waited for its growing copy
   * (`box` may have followed another one itself). `yielded`: `box` went on instead. `took-over`: this box went on instead
   * of `box`. `alone`: this box asked upstream whatever others did, for the one that it followed gave nothing.
   */
  readonly event: "claimed" | "followed" | "yielded" | "took-over" | "alone";
  readonly box?: string;
}

/** What `explain` says of one file. */
export interface ExplainedFile {
  readonly digest: Digest;
  readonly size: number;
  readonly names: readonly string[];
  readonly packages: readonly string[];
  /** Where it lies on this box; absent when it is not here. */
  readonly here?: { readonly where: "store" | "distdir"; readonly path: string };
  readonly transfer?: TransferStatus;
  /** The sources in the order in which they would be asked now. */
  readonly sources: readonly { readonly kind: SourceKind; readonly source: string }[];
  /** For so many seconds more it is answered with 'nobody has it', without asking; absent when it is not. */
  readonly missed_for_seconds?: number;
  /** Repositories of its packages whose SRC_URI is not known, for they have no md5-cache; absent when there is none. */
  readonly without_src_uri?: readonly string[];
  /** Who of what its ebuilds name would not be asked, and why, a clause each; absent when nobody is left out. */
  readonly withheld?: readonly string[];
  /** What was tried last time, oldest first; empty when it was not retrieved since the start. */
  readonly attempts: readonly Attempt[];
  /** What happened meanwhile between the boxes that wanted it, oldest first. */
  readonly claims: readonly ClaimEvent[];
  /** Why upstream was, or would be, used; or why not. One sentence. */
  readonly why: string;
}

/** What `explain` says of a name, URL or digest. */
export interface Explanation {
  readonly asked: string;
  readonly kind: "digest" | "url" | "name";
  /** How it was understood, one sentence. */
  readonly meaning: string;
  /** Empty: nothing known; several: one name, several digests. */
  readonly files: readonly ExplainedFile[];
}

/** What `fetch` tells while it runs: each event is about one asked line, by its number from 0. */
export type FetchEvent =
  | { readonly event: "started"; readonly line: number; readonly name: string; readonly size: number }
  | { readonly event: "progress"; readonly line: number; readonly received: number; readonly source?: string }
  | { readonly event: "done"; readonly line: number; readonly bytes: number; readonly from: "store" | SourceKind }
  | {
      readonly event: "failed";
      readonly line: number;
      readonly name: string;
      readonly code: string;
      readonly message: string;
    };

/** What `import`, `fsck` and `gc` tell while they run; the last event is the summary. */
export type StoreToolEvent =
  | {
      readonly event: "progress";
      readonly done: number;
      readonly total: number;
      readonly bytes: number;
      readonly file?: string;
    }
  | {
      readonly event: "file";
      readonly file: string;
      /** What a Manifest calls it, where its path does not tell. */
      readonly name?: string;
      readonly size: number;
      readonly verdict:
        | "adopted"
        | "known"
        | "unknown"
        | "undigested"
        | "skipped"
        | "unreadable"
        | "wrong"
        | "damaged"
        | "repaired"
        | "unrepaired"
        | "evicted"
        | "would-go"
        | "kept"
        | "stray";
      readonly detail?: string;
    }
  | {
      readonly event: "summary";
      readonly counts: Readonly<Record<string, number>>;
      readonly bytes: number;
      /** How much else there was that was not looked at, by what it is, in the plural. */
      readonly left_out?: Readonly<Record<string, number>>;
      /** Why there was nothing to do. */
      readonly idle?: string;
    };

/** What the CLI may ask of a running agent; the control sockets carry it, `agent.ts` provides it. */
export interface AgentApi {
  status(): Promise<Status>;
  explain(asked: string): Promise<Explanation>;
  /** Names, digests, URLs, or lines of several URLs of one file as `emerge -fp` prints them. */
  fetch(lines: readonly string[], signal: AbortSignal): AsyncIterable<FetchEvent>;
  importFiles(dir: string | undefined, signal: AbortSignal): AsyncIterable<StoreToolEvent>;
  fsck(options: { repair: boolean }, signal: AbortSignal): AsyncIterable<StoreToolEvent>;
  /** The network key as text: a secret. */
  invite(): Promise<string>;
  /** Changes to the network of this key, for good. @throws {DistswarmError} `INVALID_NETWORK_KEY`. */
  join(key: string): Promise<void>;
  gc(options: { dryRun: boolean }, signal: AbortSignal): AsyncIterable<StoreToolEvent>;
  /** Gets the tree snapshot of `date` (`YYYYMMDD`), or the newest that there may be, verifies and keeps it. */
  pullSnapshot(date: string | undefined, signal: AbortSignal): Promise<SnapshotStatus>;
}
