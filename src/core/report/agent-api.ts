import type { Explanation } from "./explanation.ts";
import type { FetchEvent } from "./fetch-event.ts";
import type { SnapshotStatus } from "../snapshots.ts";
import type { Status } from "./status.ts";
import type { StoreToolEvent } from "./store-tool-event.ts";

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
