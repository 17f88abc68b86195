import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished } from "vitest";
import type { BlobClaims } from "../../src/core/claim/claims.ts";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { digestOfPath } from "../../src/peer/protocol.ts";
import { PEEK_PROTOCOL, type Identity } from "../../src/swarm/identity.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { makeBox, placeOf } from "../swarm/boxes.ts";
import type { Box } from "./box.ts";
import { says, type Behaviour } from "./zoo/zoo.ts";

const PATIENT = { timeout: 20_000 };

/** A full member of a network: it says that it holds files, its TCP port is open, and it gives them in its own way. */
export interface BadMember {
  readonly id: string;
  /** What it says that it downloads. */
  readonly claims: BlobClaims;
  /** Requests for blobs so far. */
  requests(): number;
  /** Connections to its data plane that are open. */
  connections(): number;
  /** Answers otherwise from now on. */
  become(behaviour: Behaviour): void;
  /** From now on takes connections, and says nothing on them, not even in TLS: what a frozen box does. */
  freeze(): void;
}

/**
 * Starts one in the network of these boxes, and waits until they know what it says that it holds: @default all files for
 * which it does not say 404. It ends with the test.
 */
export async function badMember(
  boxes: readonly Box[],
  files: readonly Buffer[],
  behaviour: Behaviour,
  { said = files }: { readonly said?: readonly Buffer[] } = {},
): Promise<BadMember> {
  const peer = await makeBox({
    tcp: false,
    networkKey: NetworkKey.parse(await boxes[0]!.agent.api.invite()),
    haves: said.map(digestOf),
    peers: boxes.map(({ config }) => config.swarm.listen),
  });
  onTestFinished(() => peer.remove());
  const plane = new BadDataPlane(peer.identity, files, behaviour);
  await plane.start(placeOf(peer).port);
  onTestFinished(() => plane.stop());
  await peer.swarm.start();
  const { id } = peer.identity;
  for (const box of boxes) await expect.poll(() => saidToHold(box, id), PATIENT).toBe(said.length);
  await expect.poll(() => peer.swarm.status().port.open.length, PATIENT).toBeGreaterThanOrEqual(boxes.length);
  return {
    id,
    claims: peer.swarm.blobClaims,
    requests: () => plane.requests,
    connections: () => plane.sockets.size,
    become: (other) => void (plane.behaviour = other),
    freeze: () => void (plane.isFrozen = true),
  };
}

async function saidToHold(box: Box, id: string): Promise<number | undefined> {
  const { peers } = (await box.agent.api.status()).swarm;
  return peers.find((peer) => peer.id === id)?.distfiles;
}

/** A data plane that answers as a behaviour of the zoo says. */
class BadDataPlane {
  behaviour: Behaviour;
  isFrozen = false;
  requests = 0;
  readonly sockets = new Set<Socket>();
  readonly #files: ReadonlyMap<Digest, Buffer>;
  readonly #https;
  readonly #tcp = createServer((socket) => this.#take(socket));

  constructor({ tls }: Identity, files: readonly Buffer[], behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.#files = new Map(files.map((file) => [digestOf(file), file]));
    const options = { ...tls, requestCert: true, rejectUnauthorized: false };
    this.#https = createHttpsServer({ ...options, ALPNProtocols: ["http/1.1", PEEK_PROTOCOL] });
    this.#https.on("tlsClientError", () => {});
    this.#https.on("secureConnection", (socket: TLSSocket) => {
      if (socket.alpnProtocol === PEEK_PROTOCOL) socket.destroy();
    });
    this.#https.on("request", (request, response) => void this.#answer(request, response));
  }

  async start(port: number): Promise<void> {
    this.#tcp.listen(port, "127.0.0.1");
    await once(this.#tcp, "listening");
  }

  async stop(): Promise<void> {
    this.#tcp.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.#tcp, "close");
  }

  #take(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("error", () => {}).once("close", () => this.sockets.delete(socket));
    if (!this.isFrozen) this.#https.emit("connection", socket);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    const digest = digestOfPath(request.url);
    const file = digest && this.#files.get(digest);
    const exchange = { request, response, url: "", name: digest ?? "", file: file ?? Buffer.alloc(0) };
    response.on("error", () => {}).socket!.on("error", () => {});
    await (file === undefined ? says(404) : this.behaviour)(exchange);
  }
}
