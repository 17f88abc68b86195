import { hostname } from "node:os";
import type { Config } from "../config.ts";
import type { BlobStore } from "../core/blob-store.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import type { SourceFinder } from "../core/source.ts";
import type { PeerStatus } from "../core/report/swarm-status.ts";
import { VERSION } from "../core/version.ts";
import { BlobServer } from "../peer/blob-server.ts";
import type { GrowingBlob } from "../peer/growing-blob.ts";
import { PeerClient } from "../peer/peer-client.ts";
import { PeerSources } from "../peer/peer-sources.ts";
import { Standing } from "../peer/standing.ts";
import { PeerTraffic } from "../peer/peer-traffic.ts";
import { loadIdentity, type Identity } from "../swarm/identity.ts";
import { loadNetworkKey, type NetworkKey } from "../swarm/network-key.ts";
import { Swarm } from "../swarm/swarm.ts";

/** What the LAN's parts use. */
interface LanComponents {
  readonly db: Database;
  readonly store: BlobStore;
  /** A blob on its way here, for a peer. */
  readonly openGrowing: (digest: Digest) => GrowingBlob | undefined;
  /** Bytes of a blob on its way here that peers can read. */
  readonly received: (digest: Digest) => number;
  readonly log: Logger;
}

/** The other boxes: how they are found, asked and answered. */
export interface Lan {
  readonly id: string;
  readonly swarm: Swarm;
  readonly traffic: PeerTraffic;
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
  const identity = await loadIdentity(config.state_dir);
  const networkKey = await loadNetworkKey(config.state_dir);
  const standing = new Standing();
  const swarm = buildSwarm(config, { ...components, identity, networkKey, standing });
  const traffic = new PeerTraffic();
  const client = new PeerClient({ identity });
  const server = buildServer(config, { ...components, identity, swarm, traffic });
  const sources = new PeerSources({ client, directory: swarm, standing, traffic });
  tellHaves(components.store, swarm);
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

type SwarmParts = LanComponents & {
  readonly identity: Identity;
  readonly networkKey: NetworkKey;
  readonly standing: Standing;
};

function buildSwarm(config: Config, parts: SwarmParts): Swarm {
  const { identity, networkKey, standing, db, store, received, log } = parts;
  const { listen, peers, networks, deny, multicast } = config.swarm;
  const place = { networkKey, stateDir: config.state_dir, host: hostname(), version: VERSION };
  const haves = (): AsyncIterable<Digest> => digestsOf(store);
  const isShutOut = (id: string, subject: Digest): boolean => standing.isOut(id, subject);
  return new Swarm(
    { identity, db, log, haves, received, isShutOut },
    { ...place, listen, peers, networks, deny, multicast },
  );
}

type ServerParts = LanComponents & {
  readonly identity: Identity;
  readonly swarm: Swarm;
  readonly traffic: PeerTraffic;
};

function buildServer(config: Config, parts: ServerParts): BlobServer {
  const { identity, swarm, traffic, store, openGrowing, log } = parts;
  const shelf = { open: (digest: Digest) => store.open(digest), openGrowing };
  const admits = (id: string): boolean => swarm.admits(id);
  const accepts = (host: string): boolean => swarm.accepts(host);
  return new BlobServer({ identity, shelf, traffic, log, admits, accepts }, { listen: config.swarm.listen });
}

/** What comes into the store, and what leaves it, is told to the peers. */
function tellHaves(store: BlobStore, swarm: Swarm): void {
  store.on("added", ({ digest }) => swarm.added(digest));
  store.on("removed", (digest) => swarm.removed(digest));
}

async function* digestsOf(store: BlobStore): AsyncGenerator<Digest> {
  for await (const { digest } of store.list()) yield digest;
}
