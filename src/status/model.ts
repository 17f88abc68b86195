import { hostname } from "node:os";
import type { StoreUsage } from "../core/blob-store.ts";
import type { MirrorStatus } from "../core/report/mirror-status.ts";
import type { SnapshotStatus } from "../core/snapshots.ts";
import type { Status } from "../core/report/status.ts";
import type { TransferStatus } from "../core/report/transfer-status.ts";
import { VERSION } from "../core/version.ts";
import type { TrafficCounter } from "./traffic-counter.ts";
import type { TrafficLedger } from "./traffic-ledger.ts";

/** What the status is made of, each part asked when somebody looks. */
interface StatusComponents {
  /** 64 hex characters. */
  readonly id: string;
  readonly stateDir: string;
  /** Undefined: there is none. */
  readonly configFile: () => string | undefined;
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
  readonly #components: StatusComponents;
  readonly #startedAt = performance.now();

  constructor(components: StatusComponents) {
    this.#components = components;
  }

  /** The status now. */
  current(): Status {
    const { store, index, traffic, ledger } = this.#components;
    return {
      version: VERSION,
      uptime_seconds: Math.floor((performance.now() - this.#startedAt) / 1000),
      id: this.#components.id,
      host: hostname(),
      state_dir: this.#components.stateDir,
      config_file: this.#components.configFile() ?? null,
      proxy: { listen: this.#components.listen() },
      swarm: this.#components.swarm(),
      store: storeStatus(store.usage(), store.dir, store.distdir),
      index: { ...index.counts(), ready: index.isReady(), repos: index.repos() },
      ...traffic.counts(),
      traffic: ledger.totals(),
      transfers: this.#components.transfers(),
      snapshots: this.#components.snapshots(),
      mirrors: this.#components.mirrors(),
      warnings: this.#components.warnings(),
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
