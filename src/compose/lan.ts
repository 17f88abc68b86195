import { hostname } from "node:os";
import type { Config } from "../config.ts";
import type { PeerStatus } from "../core/agent-api.ts";
import type { BlobStore } from "../core/blob-store.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import type { SourceFinder } from "../core/source.ts";
import { VERSION } from "../core/version.ts";
import { BlobServer } from "../peer/blob-server.ts";
import type { GrowingBlob } from "../peer/growing-blob.ts";
import { PeerClient } from "../peer/peer-client.ts";
import { PeerSources } from "../peer/peer-sources.ts";
import { Standing } from "../peer/standing.ts";
import { Traffic } from "../peer/traffic.ts";
import { loadIdentity } from "../swarm/identity.ts";
import { loadNetworkKey } from "../swarm/network-key.ts";
import { Swarm } from "../swarm/swarm.ts";

/** What the LAN's parts use. */
export interface LanComponents {
  readonly db: Database;
  readonly store: BlobStore;
  /** A blob on its way here, for a peer. */
  readonly openGrowing: (digest: Digest) => GrowingBlob | undefined;
  /** Bytes of a blob on its way here that peers can read. */
  readonly received: (digest: string) => number;
  readonly log: Logger;
}

/** The other boxes: how they are found, asked and answered. */
export interface Lan {
  readonly id: string;
  readonly swarm: Swarm;
  readonly traffic: Traffic;
  /** To be asked before upstream. */
  readonly peers: SourceFinder;
  /** To be asked once more, with patience, when upstream has failed. */
  readonly lastResort: SourceFinder;
  /** In the order in which they start. */
  readonly parts: readonly Startable[];
  /** For status and `peers`. */
  status(): readonly PeerStatus[];
}

/**
 * Builds the swarm and the data plane, with the keys of this box (made where there are none).
 *
 * @throws {DistswarmError} `IDENTITY_UNUSABLE`, `INVALID_NETWORK_KEY`: a key file that cannot be used.
 */
export async function buildLan(config: Config, components: LanComponents): Promise<Lan> {
  const { db, store, openGrowing, received, log } = components;
  const { listen, peers, networks, deny, multicast } = config.swarm;
  const identity = await loadIdentity(config.state_dir);
  const networkKey = await loadNetworkKey(config.state_dir);
  const swarm = new Swarm(
    { identity, db, log, haves: () => digestsOf(store), received },
    {
      networkKey,
      stateDir: config.state_dir,
      listen,
      peers,
      networks,
      deny,
      multicast,
      host: hostname(),
      version: VERSION,
    },
  );
  const traffic = new Traffic();
  const client = new PeerClient({ identity });
  const server = new BlobServer(
    {
      identity,
      shelf: { open: (digest) => store.open(digest), openGrowing },
      traffic,
      log,
      admits: (id) => swarm.admits(id),
      accepts: (host) => swarm.accepts(host),
    },
    { listen },
  );
  const sources = new PeerSources({ client, directory: swarm, standing: new Standing(), traffic });
  store.on("added", ({ digest }) => swarm.added(digest));
  store.on("removed", (digest) => swarm.removed(digest));
  return {
    id: identity.id,
    swarm,
    traffic,
    peers: sources,
    lastResort: sources.lastResort,
    parts: [client, server, swarm],
    status: () => swarm.status().peers.map((peer) => ({ ...peer, ...traffic.of(peer.id) })),
  };
}

async function* digestsOf(store: BlobStore): AsyncGenerator<Digest> {
  for await (const { digest } of store.list()) yield digest;
}
