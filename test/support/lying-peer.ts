import { onTestFinished } from "vitest";
import type { OpenBlob } from "../../src/core/blob-store.ts";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { SnapshotAnnouncement } from "../../src/core/snapshots.ts";
import { BlobServer } from "../../src/peer/blob-server.ts";
import { PeerTraffic } from "../../src/peer/peer-traffic.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { makeBox, placeOf } from "../swarm/boxes.ts";
import type { Box } from "./box.ts";

/** What a peer announces, and what it gives to those who ask for it: by default what has the digest. */
export interface Lie {
  readonly announcement: SnapshotAnnouncement;
  readonly blobs: readonly { readonly bytes: Buffer; readonly under?: Digest }[];
}

/** A member of a box's network that says and gives what it likes; it ends with the test. */
export async function lyingPeer(box: Box, { announcement, blobs }: Lie): Promise<void> {
  const given = new Map(blobs.map(({ bytes, under }) => [under ?? digestOf(bytes), bytes]));
  const { host, port } = box.config.swarm.listen;
  const peer = await makeBox({
    tcp: false,
    networkKey: NetworkKey.parse(await box.agent.api.invite()),
    haves: [...given.keys()],
    peers: [{ host, port }],
  });
  onTestFinished(() => peer.remove());
  const { swarm, identity } = peer;
  const open = async (digest: Digest): Promise<OpenBlob | undefined> =>
    given.has(digest) ? blobOf(digest, given.get(digest)!) : undefined;
  const server = new BlobServer(
    {
      identity,
      shelf: { open, openGrowing: () => undefined },
      traffic: new PeerTraffic(),
      log: silentLogger,
      admits: (id) => swarm.admits(id),
      accepts: (address) => swarm.accepts(address),
    },
    { listen: placeOf(peer) },
  );
  await server.start();
  onTestFinished(() => server.stop());
  swarm.announce([announcement]);
  await swarm.start();
}

function blobOf(digest: Digest, bytes: Buffer): OpenBlob {
  return {
    digest,
    size: bytes.length,
    where: "store",
    path: "memory",
    read: async function* ({ start, end } = { start: 0, end: bytes.length }) {
      yield bytes.subarray(start, end);
    },
    close: async () => {},
  };
}
