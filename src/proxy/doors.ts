import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { agentsIn } from "../core/net/agent-names.ts";
import { DistswarmError, hasCode, messageOf, systemCode } from "../core/errors.ts";
import { breakOff } from "../core/net/break-off.ts";
import { authorityOf, unmapped } from "../core/net/host.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { NowAndThen } from "../core/async/now-and-then.ts";
import { AllowList } from "./allow-list.ts";
import { answerParserError, MAX_HEADER_BYTES, refuseTunnel } from "./bare-answer.ts";
import type { ConnectTunnel } from "./connect-tunnel.ts";
import type { ForwardDoor } from "./forward-door.ts";
import type { MirrorDoor } from "./mirror-door.ts";
import { ownAddressTest } from "./own-address.ts";
import { sendPlain, type Exchange } from "./reply.ts";
import { parseRequestTarget, type RequestTarget } from "./request-target.ts";
import { answerFor } from "./status-code.ts";
import { WaitingClients } from "./waiting-clients.ts";

/** Idle keep-alive connections are closed after this, in ms. */
const KEEP_ALIVE_MS = 30_000;

/** A request line and headers that take longer are given up, in ms. */
const HEADERS_MS = 60_000;

/** Refused clients are spoken of at most this often, in ms: wget, rsync and git show no more than 403. */
const WARN_EVERY_MS = 60_000;

/** Addresses of the default config that a box may lack (no IPv6): skipped with a warning. */
const SKIPPABLE = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/** What listens. */
interface DoorsComponents {
  readonly mirror: MirrorDoor;
  readonly forward: ForwardDoor;
  readonly tunnel: ConnectTunnel;
  readonly log: Logger;
}

/** Where, and for whom. */
interface DoorsInit {
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** CIDR ranges. */
  readonly allow: readonly string[];
  /** This agent's name in `Via` fields: a request that already has it is in a loop. */
  readonly via: string;
}

/** The HTTP front: takes requests, tells which door they mean, and turns errors into answers. */
export class Doors implements Startable {
  readonly #components: DoorsComponents;
  readonly #init: DoorsInit;
  #allow: AllowList;
  /** Whether a URL is one of these doors, by any name of this box. */
  readonly isOwn = ownAddressTest(() => this.addresses());
  #servers: Server[] = [];
  readonly #waiting = new WaitingClients();
  /** The latest answer of each connection: the last one to be sent. */
  readonly #latest = new WeakMap<Duplex, ServerResponse>();
  readonly #refusals = new NowAndThen({ everyMs: WARN_EVERY_MS });

  constructor(components: DoorsComponents, init: DoorsInit) {
    this.#components = components;
    this.#init = init;
    this.#allow = new AllowList(init.allow);
  }

  /**
   * Listens at all addresses; one that this box lacks is skipped with a warning.
   *
   * @throws {DistswarmError} `ADDRESS_IN_USE` naming the address; `INVALID_CONFIG` when none is left.
   */
  async start(): Promise<void> {
    if (this.#servers.length > 0) return;
    for (const address of this.#init.listen) await this.#listen(address);
    if (this.#servers.length > 0) return;
    throw new DistswarmError(
      "INVALID_CONFIG",
      "proxy.listen: this box has none of the addresses; name one that it has",
    );
  }

  /** Stops listening and ends what is under way. */
  async stop(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    this.#components.tunnel.close();
    await Promise.all(servers.map(closed));
  }

  /**
   * From now on only these CIDR ranges may use the doors; answers that have begun go on.
   *
   * @throws {DistswarmError} `INVALID_CONFIG` naming a range that is none.
   */
  admit(ranges: readonly string[]): void {
    this.#allow = new AllowList(ranges);
  }

  /** Where it listens now. */
  addresses(): AddressInfo[] {
    return this.#servers.map((server) => server.address()).filter((address) => isTcp(address));
  }

  async #listen(address: { host: string; port: number }): Promise<void> {
    const server = this.#makeServer();
    try {
      await listening(server, address);
      this.#servers.push(server);
    } catch (error) {
      const at = authorityOf(address.host, address.port);
      if (!SKIPPABLE.has(systemCode(error) ?? "")) {
        await this.stop();
        throw cannotListen(at, error);
      }
      this.#components.log.warn(`not listening on ${at}: this box has no such address`);
    }
  }

  #makeServer(): Server {
    const server = createServer({
      requireHostHeader: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_MS,
      requestTimeout: 0, // an upload through the forward proxy takes as long as it takes
      noDelay: true,
    });
    server.on("connection", (socket: Socket) => this.#waiting.watch(socket));
    server.on("request", (request, response) => void this.#onRequest(request, response));
    server.on("checkExpectation", (request, response) => sendPlain(exchangeOf(request, response), UNEXPECTED));
    server.on("connect", (request, socket, head) => void this.#onConnect(request, socket, head));
    server.on("clientError", (error, socket) => {
      // In the middle of an answer our line would count as bytes of a file.
      if (this.#latest.get(socket)?.closed === false) socket.destroy();
      else answerParserError(socket, error);
    });
    return server;
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = exchangeOf(request, response);
    const { socket } = request;
    this.#latest.set(socket, response);
    this.#waiting.served(socket);
    response.once("close", () => this.#latest.get(socket) === response && this.#waiting.add(socket));
    try {
      this.#check(request);
      await this.#dispatch(exchange, parseRequestTarget(request.url ?? "", this.isOwn));
    } catch (error) {
      this.#onError(exchange, error);
    }
  }

  /** @throws {DistswarmError} `NOT_PERMITTED`, `LOOP`. */
  #check(request: IncomingMessage): void {
    if (!this.#allow.includes(request.socket.remoteAddress)) throw forbidden(request.socket);
    if (agentsIn(request.headers.via).includes(this.#init.via)) throw loop(request);
  }

  async #dispatch(exchange: Exchange, target: RequestTarget): Promise<void> {
    switch (target.door) {
      case "mirror":
        return this.#components.mirror.answer(exchange, target.path);
      case "forward":
        return this.#components.forward.answer(exchange, target);
      case "unsupported":
        return sendPlain(exchange, { status: 501, message: `${target.scheme}: this proxy speaks http and https only` });
    }
  }

  /** Before the answer began: a status. After: the body breaks off, so that nobody takes it for whole. */
  #onError(exchange: Exchange, error: unknown): void {
    const { request, response, socket, signal } = exchange;
    if (signal.aborted) return;
    this.#tell(request, error);
    if (response.headersSent) breakOff(socket);
    else sendPlain(exchange, answerFor(error));
  }

  async #onConnect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#waiting.served(request.socket);
    socket.on("error", () => socket.destroy()); // Node has taken its own listener away by now
    try {
      this.#check(request);
      await this.#components.tunnel.serve(request, socket, head);
    } catch (error) {
      this.#tell(request, error);
      refuseTunnel(socket, error);
    }
  }

  #tell(request: IncomingMessage, error: unknown): void {
    const { log } = this.#components;
    const asked = `${request.method} ${request.url}`;
    log.debug(`${asked}: ${messageOf(error)}`);
    if (hasCode(error, "NOT_PERMITTED") && this.#refusals.isTime()) log.warn(`refused: ${messageOf(error)}`);
    if (!(error instanceof DistswarmError)) log.error({ err: error }, `${asked} failed unexpectedly`);
  }
}

function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
  const left = new AbortController();
  const { socket } = request;
  socket.setMaxListeners(0); // svn asks for dozens of files before the first answer, and each waits for the close
  const onClose = (): void => {
    socket.off("close", onClose);
    if (!response.writableFinished) left.abort(new DistswarmError("INVALID_REQUEST", "the client has left"));
  };
  response.once("close", onClose);
  socket.once("close", onClose); // an answer queued behind another one has no `close` of its own
  response.on("error", () => {}); // its close tells all there is to know
  return { request, response, socket, signal: left.signal };
}

const UNEXPECTED = { status: 417, message: "of Expect, only 100-continue is understood" };

function loop(request: IncomingMessage): DistswarmError {
  const message = `${request.url} has passed here before: a mirror or proxy of this agent points back at it`;
  return new DistswarmError("LOOP", message);
}

function forbidden({ remoteAddress = "this address" }: Socket): DistswarmError {
  return new DistswarmError(
    "NOT_PERMITTED",
    `${unmapped(remoteAddress)} is not in proxy.allow of this distswarm agent`,
  );
}

function listening(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...address, backlog: 511 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function isTcp(address: ReturnType<Server["address"]>): address is AddressInfo {
  return typeof address === "object" && address !== null;
}

function cannotListen(at: string, error: unknown): DistswarmError {
  if (systemCode(error) === "EADDRINUSE") {
    return new DistswarmError("ADDRESS_IN_USE", `${at} is taken by another program: stop it, or change proxy.listen`, {
      cause: error,
    });
  }
  return new DistswarmError("INVALID_CONFIG", `cannot listen on ${at} (proxy.listen): ${messageOf(error)}`, {
    cause: error,
  });
}
