import { hostname } from "node:os";
import type { MirrorStatus, Status, TransferStatus } from "../core/agent-api.ts";
import type { StoreUsage } from "../core/blob-store.ts";
import type { SnapshotStatus } from "../core/snapshots.ts";
import { VERSION } from "../core/version.ts";
import type { TrafficCounter } from "./traffic-counter.ts";
import type { TrafficLedger } from "./traffic-ledger.ts";

/** What the status is made of, each part asked when somebody looks. */
export interface StatusParts {
  /** 64 hex characters. */
  readonly id: string;
  readonly listen: () => readonly string[];
  readonly swarm: () => Status["swarm"];
  readonly store: { usage: () => StoreUsage; dir: string; distdir: string | null };
  readonly index: {
    counts: () => { manifests: number; distfiles: number };
    isReady: () => boolean;
    repos: () => readonly string[];
  };
  readonly traffic: TrafficCounter;
  readonly ledger: TrafficLedger;
  readonly transfers: () => readonly TransferStatus[];
  readonly snapshots: () => readonly SnapshotStatus[];
  readonly mirrors: () => readonly MirrorStatus[];
  readonly warnings: () => readonly string[];
}

/** The state of the running agent, as `status --json` prints it. */
export class StatusModel {
  readonly #parts: StatusParts;
  readonly #startedAt = performance.now();

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  /** The status now. */
  current(): Status {
    const { store, index, traffic, ledger } = this.#parts;
    return {
      version: VERSION,
      uptime_seconds: Math.floor((performance.now() - this.#startedAt) / 1000),
      id: this.#parts.id,
      host: hostname(),
      proxy: { listen: this.#parts.listen() },
      swarm: this.#parts.swarm(),
      store: storeStatus(store.usage(), store.dir, store.distdir),
      index: { ...index.counts(), ready: index.isReady(), repos: index.repos() },
      ...traffic.counts(),
      traffic: ledger.totals(),
      transfers: this.#parts.transfers(),
      snapshots: this.#parts.snapshots(),
      mirrors: this.#parts.mirrors(),
      warnings: this.#parts.warnings(),
    };
  }
}

function storeStatus(usage: StoreUsage, dir: string, distdir: string | null): Status["store"] {
  return {
    blobs: usage.blobs,
    bytes: usage.bytes,
    max_bytes: usage.maxBytes,
    dir,
    ...(usage.problem !== undefined && { problem: usage.problem }),
    distdir: { path: distdir, blobs: usage.distdirBlobs, bytes: usage.distdirBytes },
  };
}
