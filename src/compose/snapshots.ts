import { join } from "node:path";
import type { Config } from "../config.ts";
import { Snapshots, type SnapshotsComponents } from "../snapshot/snapshots.ts";
import type { Lan } from "./lan.ts";

/** What the tree snapshots use. */
export interface SnapshotParts extends Pick<SnapshotsComponents, "db" | "store" | "upstream" | "log"> {
  readonly lan: Lan;
}

/**
 * Builds the tree snapshots. Here they meet the swarm: its sessions are to tell `announcements` at their start and at each
 * `changed`, and to call `heard` and `gone`; its claims by name are the component `claims`.
 */
export function buildSnapshots(config: Config, { lan, ...components }: SnapshotParts): Snapshots {
  const { keep, keyring, replicate, replicate_rate, poll } = config.snapshot;
  const { distdir } = config.portage;
  return new Snapshots(
    { ...components, peers: lan.peers, peerIds: () => lan.status().map(({ id }) => id) },
    {
      id: lan.id,
      keyring,
      stagingDir: join(config.store.dir, "snapshots"),
      keep,
      verifyFirst: config.proxy.verify_first,
      replicate,
      replicateRate: replicate_rate,
      poll,
      ...(distdir === null ? {} : { distdir }),
    },
  );
}
