import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import { messageOf, systemCode } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { NowAndThen } from "../core/async/now-and-then.ts";
import { swarmPortError } from "../core/net/swarm-port.ts";
import { PEEK_PROTOCOL, idOfKey, type Identity } from "../swarm/identity.ts";
import { BlobAnswer } from "./blob-answer.ts";
import type { BlobShelf } from "./growing-blob.ts";
import type { PeerTraffic } from "./peer-traffic.ts";
import { UnprovedConnections } from "./unproved-connections.ts";
import { UploadSlots } from "./upload-slots.ts";

/** Connections at most, and of one peer: four times what it may be given at the same time. */
const MAX_CONNECTIONS = 1024;
const MAX_CONNECTIONS_OF_PEER = 64;
const HEADERS_TIMEOUT_MS = 10_000;
/** How often Node looks at it: by itself every 30 s, so that it would be up to 40. */
const HEADERS_CHECK_MS = 2000;
/** Longer than the client keeps a connection, so that it never writes into a closing one. */
const KEEP_ALIVE_MS = 30_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** Connections that are cut off are spoken of at most this often for each reason. */
const WARN_EVERY_MS = 60_000;

/** What the blob server uses. */
interface BlobServerComponents {
  readonly identity: Identity;
  readonly shelf: BlobShelf;
  readonly traffic: PeerTraffic;
  readonly log: Logger;
  /** Whether the box with this key may ask for blobs. */
  readonly admits: (id: string) => boolean;
  /** Whether a box at this address may be talked to. */
  readonly accepts: (host: string) => boolean;
}

/** What may be set of the blob server. */
interface BlobServerInit {
  /** Address and TCP port; the port is that of the swarm. */
  readonly listen: { readonly host: string; readonly port: number };
}

/**
 * Gives blobs to members: HTTPS with mutual TLS 1.3. Whose key has not proved the network key is cut off before a byte of
 * its request is read.
 */
export class BlobServer implements Startable {
  readonly #components: BlobServerComponents;
  readonly #init: BlobServerInit;
  readonly #slots = new UploadSlots();
  readonly #sockets = new Set<Socket>();
  readonly #unproved = new UnprovedConnections({ cutOff: (address) => this.#refuse(address) });
  /** The proved keys of connections. */
  readonly #peers = new Map<Socket, string>();
  readonly #warnings = new NowAndThen({ everyMs: WARN_EVERY_MS });
  #server: Server | undefined;

  constructor(components: BlobServerComponents, init: BlobServerInit) {
    this.#components = components;
    this.#init = init;
  }

  /** @throws {DistswarmError} `ADDRESS_IN_USE` when the TCP port is taken, or the address is not this box's. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = this.#create();
    const { host, port } = this.#init.listen;
    try {
      server.listen(port, host);
      await once(server, "listening");
    } catch (error) {
      throw swarmPortError(`TCP ${host}:${port}`, error);
    }
    this.#server = server;
  }

  /** Breaks off what is under way: peers go on elsewhere. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, "close");
  }

  #create(): Server {
    const server = createServer({
      ...this.#components.identity.tls,
      minVersion: "TLSv1.3",
      requestCert: true,
      rejectUnauthorized: false, // self-signed: what counts is the key, which is looked at below
      ALPNProtocols: ["http/1.1", PEEK_PROTOCOL],
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: HEADERS_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on("connection", (socket) => this.#track(socket as Socket));
    server.prependListener("secureConnection", (socket) => this.#decide(socket));
    server.on("request", (request, response) => void this.#onRequest(request, response));
    server.on("tlsClientError", (error, socket) => {
      if (isNoClient(systemCode(error))) this.#refuse(socket.remoteAddress ?? "");
    });
    return server;
  }

  #track(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    if (!this.#components.accepts(address)) {
      this.#turnAway(address);
      return void socket.destroy();
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#unproved.add(socket);
  }

  /** Counts a connection from outside the swarm's networks, and says so now and then: its box cannot know why. */
  #turnAway(address: string): void {
    const { traffic, log } = this.#components;
    traffic.refused();
    if (!this.#warnings.isTime({ reason: "outside", whom: address })) return;
    const mend = "name its subnet there, and that of the LAN, if it is to be a peer";
    log.info({ address }, `the box at ${address} is turned away: it is not in swarm.networks; ${mend}`);
  }

  /** Counts a connection that shows no key, and says so now and then. */
  #refuse(address: string): void {
    const { traffic, log } = this.#components;
    traffic.refused();
    if (!this.#warnings.isTime({ reason: "no key", whom: address })) return;
    log.warn({ address }, `${address} opens connections to the data plane and shows no key: they are cut off`);
  }

  /** The one place where a key is let in. */
  #decide(socket: TLSSocket): void {
    this.#unproved.proved(socket);
    if (socket.alpnProtocol === PEEK_PROTOCOL) return void socket.on("error", () => {}).destroy();
    const certificate = socket.isSessionReused() ? undefined : socket.getPeerX509Certificate();
    const id = certificate && idOfKey(certificate.publicKey);
    if (id !== undefined && this.#components.admits(id) && this.#hasPlaceFor(id)) return this.#letIn(socket, id);
    this.#components.traffic.refused();
    this.#components.log.debug({ peer: id, address: socket.remoteAddress }, "a box that is no member was cut off");
    socket.on("error", () => {}).destroy();
  }

  #hasPlaceFor(peer: string): boolean {
    return [...this.#peers.values()].filter((id) => id === peer).length < MAX_CONNECTIONS_OF_PEER;
  }

  #letIn(socket: TLSSocket, peer: string): void {
    this.#peers.set(socket, peer);
    socket.once("close", () => this.#peers.delete(socket));
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const peer = this.#peers.get(request.socket);
    if (peer === undefined || !this.#components.admits(peer) || isQueued(response))
      return void request.socket.destroy();
    if (hasBody(request)) return void response.writeHead(400).end(() => request.socket.destroy());
    const { shelf, traffic, admits } = this.#components;
    const isMember = (): boolean => admits(peer);
    const answer = new BlobAnswer({ shelf, traffic, slots: this.#slots, peer, isMember });
    try {
      await answer.send(request, response);
    } catch (error) {
      // What broke is passed on as broken; never a clean end of a short body.
      this.#components.log.debug({ peer }, `an upload broke off: ${messageOf(error)}`);
      response.destroy();
    }
  }
}

/** Whether a handshake failed for what the other end sent; a member may break off its dial. */
function isNoClient(code: string | undefined): boolean {
  return code?.startsWith("ERR_SSL_") === true;
}

/**
 * Whether it stands behind an answer that is not complete. Boxes ask for one blob at a time; an answer in a queue is never
 * told that its reader left, and would hold its blob and its place for ever.
 */
function isQueued({ socket }: ServerResponse): boolean {
  return socket === null;
}

/** Who asks for a blob has nothing to send; a body would be swallowed to its end, which need not come. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}
