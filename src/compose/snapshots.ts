import { join } from "node:path";
import type { Config } from "../config.ts";
import { Snapshots, type SnapshotsComponents } from "../snapshot/snapshots.ts";
import type { Lan } from "./lan.ts";

/** What the tree snapshots use. */
interface SnapshotParts extends Pick<SnapshotsComponents, "db" | "store" | "upstream" | "log"> {
  readonly lan: Lan;
}

/** Builds the tree snapshots, and lets them and the swarm tell each other what boxes keep. */
export function buildSnapshots(config: Config, { lan, ...components }: SnapshotParts): Snapshots {
  const { keep, keyring, replicate, replicate_rate, poll } = config.snapshot;
  const { distdir } = config.portage;
  const { swarm } = lan;
  const snapshots = new Snapshots(
    { ...components, peers: lan.peers, peerIds: () => lan.status().map(({ id }) => id), claims: swarm.blobClaims },
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
  snapshots.on("changed", () => swarm.announce(snapshots.announcements()));
  swarm.on("announced", (peer, announcements) => snapshots.heard(peer, announcements));
  swarm.on("left", (peer) => snapshots.gone(peer));
  return snapshots;
}
