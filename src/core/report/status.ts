import type { MirrorStatus } from "./mirror-status.ts";
import type { SnapshotStatus } from "../snapshots.ts";
import type { SwarmStatus } from "./swarm-status.ts";
import type { Traffic } from "./traffic.ts";
import type { TransferStatus } from "./transfer-status.ts";

/**
 * What `status --json` prints; the {@link Traffic} in it is that since the start. Scripts rely on the names of its fields:
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
