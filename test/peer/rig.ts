import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { OpenBlob } from "../../src/core/blob-store.ts";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import { BlobServer } from "../../src/peer/blob-server.ts";
import type { Directory, Holder } from "../../src/core/directory.ts";
import type { BlobShelf, GrowingBlob } from "../../src/peer/growing-blob.ts";
import { PeerClient } from "../../src/peer/peer-client.ts";
import { PeerSources } from "../../src/peer/peer-sources.ts";
import { Standing } from "../../src/peer/standing.ts";
import { PeerTraffic } from "../../src/peer/peer-traffic.ts";
import { identityFromSeed, type Identity } from "../../src/swarm/identity.ts";
import { freePort } from "../support/free-port.ts";

const LOOPBACK = "127.0.0.1";

/** Blobs in memory, whole or growing. */
class MemoryShelf implements BlobShelf {
  readonly whole = new Map<Digest, Buffer>();
  readonly growing = new Map<Digest, () => GrowingBlob>();

  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const bytes = this.whole.get(digest);
    if (bytes === undefined) return undefined;
    return {
      digest,
      size: bytes.length,
      where: "store",
      path: "memory",
      async *read({ start, end } = { start: 0, end: bytes.length }) {
        for (let at = start; at < end; at += 2 ** 20) yield bytes.subarray(at, Math.min(at + 2 ** 20, end));
      },
      close: async () => {},
    };
  }

  openGrowing(digest: Digest): GrowingBlob | undefined {
    return this.growing.get(digest)?.();
  }
}

/** A box that gives blobs: the real server over blobs in memory. */
export interface ServingBox {
  readonly holder: Holder;
  readonly shelf: MemoryShelf;
  readonly traffic: PeerTraffic;
  readonly server: BlobServer;
  /** Who may ask; everybody at first. */
  members: Set<string> | undefined;
  /** Whether boxes of all addresses are talked to. */
  acceptsAll: boolean;
  stop(): Promise<void>;
}

let names = 0;

export function makeIdentity(): Promise<Identity> {
  return identityFromSeed(randomBytes(32));
}

/** Starts a box that serves. */
export async function startServing(files: readonly Buffer[] = [], log: Logger = silentLogger): Promise<ServingBox> {
  const identity = await makeIdentity();
  const shelf = new MemoryShelf();
  for (const file of files) shelf.whole.set(digestOf(file), file);
  const traffic = new PeerTraffic();
  const port = await freePort();
  const box = { shelf, traffic, members: undefined as Set<string> | undefined, acceptsAll: true };
  const server = new BlobServer(
    {
      identity,
      shelf,
      traffic,
      log,
      admits: (id) => box.members === undefined || box.members.has(id),
      accepts: () => box.acceptsAll,
    },
    { listen: { host: LOOPBACK, port } },
  );
  await server.start();
  const holder = { id: identity.id, name: `box ${(names += 1)}`, host: LOOPBACK, port };
  return Object.assign(box, { holder, server, stop: () => server.stop() });
}

/** A peer that does what it likes: a TLS server with an identity of its own. */
export interface BadPeer {
  readonly holder: Holder;
  /** Requests, and connections, so far. */
  requests: number;
  connections: number;
  /** `closed` when one of its connections is. */
  readonly events: EventEmitter;
  stop(): Promise<void>;
}

/** Starts a peer that answers with `behave`. */
export async function startBadPeer(
  behave: (request: IncomingMessage, response: ServerResponse) => void,
  identity?: Identity,
): Promise<BadPeer> {
  identity ??= await makeIdentity();
  const sockets = new Set<Socket>();
  const server = createServer({ ...identity.tls, requestCert: true, rejectUnauthorized: false });
  const peer = { requests: 0, connections: 0, events: new EventEmitter() };
  server.on("request", (request, response) => {
    peer.requests += 1;
    response.on("error", () => {});
    behave(request, response);
  });
  server.on("connection", (socket: Socket) => {
    peer.connections += 1;
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => peer.events.emit("closed"));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const holder = { id: identity.id, name: `bad ${(names += 1)}`, host: LOOPBACK, port };
  const stop = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  };
  return Object.assign(peer, { holder, stop });
}

/** A directory whose answers the test gives. */
class TestDirectory implements Directory {
  list: Holder[] = [];
  readonly others = new Map<string, Holder>();
  readonly disowned: string[] = [];

  holders(digest: Digest): readonly Holder[] {
    return this.list.filter(({ id }) => !this.disowned.includes(`${id} ${digest}`));
  }

  peer(id: string): Holder | undefined {
    return this.others.get(id) ?? this.list.find((holder) => holder.id === id);
  }

  disown(id: string, digest: Digest): void {
    this.disowned.push(`${id} ${digest}`);
  }
}

/** A box that asks. */
export interface AskingBox {
  readonly id: string;
  readonly directory: TestDirectory;
  readonly standing: Standing;
  readonly traffic: PeerTraffic;
  readonly sources: PeerSources;
  stop(): Promise<void>;
}

/** Makes a box that asks the holders. */
export async function makeAsking(holders: readonly Holder[], identity?: Identity): Promise<AskingBox> {
  identity ??= await makeIdentity();
  const client = new PeerClient({ identity });
  const directory = new TestDirectory();
  directory.list = [...holders];
  const standing = new Standing();
  const traffic = new PeerTraffic();
  const sources = new PeerSources({ client, directory, standing, traffic });
  return { id: identity.id, directory, standing, traffic, sources, stop: () => client.stop() };
}

export function wantOf(file: Buffer): Want {
  return { digest: digestOf(file), size: file.length, names: ["file"], packages: [] };
}

/**
 * Gets a file as the retriever does: from one source after another, from the byte where the last one broke; wrong bytes of
 * one source alone are blamed on it, and all is begun anew.
 */
export async function retrieve(box: AskingBox, file: Buffer): Promise<{ bytes: Buffer; from: string[] }> {
  const want = wantOf(file);
  const signal = new AbortController().signal;
  let chunks: Buffer[] = [];
  let from: string[] = [];
  for await (const source of box.sources.sources(want)) {
    const received = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    try {
      const { bytes } = await source.open({ offset: received, signal });
      for await (const chunk of bytes) {
        if (from.at(-1) !== source.label) from.push(source.label);
        chunks.push(Buffer.from(chunk));
      }
    } catch {
      continue;
    }
    const all = Buffer.concat(chunks);
    if (digestOf(all) === want.digest) return { bytes: all, from };
    if (from.length === 1) source.blame();
    chunks = [];
    from = [];
  }
  throw new Error("no peer gave it");
}
