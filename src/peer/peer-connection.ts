import type { OnReadOpts } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { Holder } from "../core/directory.ts";
import { SourceError } from "../core/errors.ts";
import { idOfKey, type Identity } from "../swarm/identity.ts";
import { LentBody, type Flow } from "./lent-body.ts";
import { readBytes } from "./protocol.ts";
import { HeadReader, type ResponseHead } from "./response-head.ts";

/** No dial is given up before this: a box that compiles is slow, not dead. */
const DIAL_TIMEOUT_MS = 4000;
/** How long an idle connection is kept; shorter than the server keeps it. */
const KEEP_ALIVE_MS = 10_000;
/** The one buffer that all bytes of a connection come through; a TLS record has at most 16 KiB. */
const RECEIVE_BYTES = 64 * 1024;

/** What a peer answered. */
export interface BlobReply extends ResponseHead {
  readonly body: LentBody;
}

/** A request. */
export interface PeerRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Breaks the connection off, before or in the body. */
  readonly signal: AbortSignal;
}

/** The peer closed a connection that had been idle, before it answered on it: the same request may go out on another one. */
export class StaleConnection extends Error {}

/** A request under way. */
interface Exchange {
  readonly request: PeerRequest;
  readonly resolve: (reply: BlobReply) => void;
  readonly reject: (error: Error) => void;
  readonly head: HeadReader;
  /** Whether any byte of the answer has come. */
  isAnswered: boolean;
  body?: LentBody;
  /** Bytes of the body that are still to come. */
  missing: number;
  /** The peer closes the connection after this answer. */
  isLast: boolean;
}

/**
 * A connection to one peer: mutual TLS 1.3, one request at a time, none before the peer's key is seen to be the one
 * expected.
 *
 * It speaks the little HTTP that a blob server speaks, and reads into one buffer: undici and node:http take fresh memory for
 * each 16 KiB, and to have that collected costs more than the transfer itself.
 */
export class PeerConnection {
  readonly #holder: Holder;
  readonly #socket: TLSSocket;
  readonly #dialTimer: NodeJS.Timeout;
  #idleTimer: NodeJS.Timeout | undefined;
  #isTrusted = false;
  /** Whether an answer has come over it before. */
  #isReused = false;
  #exchange: Exchange | undefined;
  /** Why this end broke it off. */
  #reason: Error | undefined;
  /** What the system says broke it. */
  #fault: Error | undefined;

  /** Dials; the first request waits for that. `closed` is told once it is gone, whatever the reason. */
  constructor(holder: Holder, { tls }: Identity, { closed }: { readonly closed: () => void }) {
    this.#holder = holder;
    this.#dialTimer = setTimeout(() => this.destroy(new Error("no answer in time")), DIAL_TIMEOUT_MS);
    const options: ConnectionOptions & { onread: OnReadOpts } = {
      ...tls,
      host: holder.host,
      port: holder.port,
      minVersion: "TLSv1.3",
      rejectUnauthorized: false, // self-signed: what counts is the key; as no session is given, none is resumed
      ALPNProtocols: ["http/1.1"],
      onread: {
        buffer: Buffer.allocUnsafeSlow(RECEIVE_BYTES),
        callback: (length, buffer) => this.#onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, length)),
      },
    };
    this.#socket = connect(options);
    this.#socket.once("secureConnect", () => this.#onConnected());
    this.#socket.on("error", (error) => (this.#fault = error));
    this.#socket.once("close", () => {
      this.#onClosed();
      closed();
    });
  }

  /** Whether it can take a request. */
  get isFree(): boolean {
    return this.#exchange === undefined && this.#socket.writable;
  }

  /**
   * Asks for a path. The body is to be read or destroyed.
   *
   * @throws {SourceError} `UNTRUSTED`, `BAD_STATUS`; {@link StaleConnection}; the error of the system; the signal's reason.
   */
  get(request: PeerRequest): Promise<BlobReply> {
    clearTimeout(this.#idleTimer);
    request.signal.addEventListener("abort", this.#onAbort, { once: true });
    return new Promise((resolve, reject) => {
      const head = new HeadReader();
      this.#exchange = { request, resolve, reject, head, isAnswered: false, missing: Infinity, isLast: false };
      if (this.#isTrusted) this.#send(request);
    });
  }

  /** Breaks it off; who waits for its answer, or reads it, gets `reason`. */
  destroy(reason: Error): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  #onConnected(): void {
    clearTimeout(this.#dialTimer);
    const { id, name } = this.#holder;
    const certificate = this.#socket.getPeerX509Certificate();
    this.#isTrusted = certificate !== undefined && idOfKey(certificate.publicKey) === id;
    if (!this.#isTrusted)
      return this.destroy(new SourceError("UNTRUSTED", `${name} answers with the key of another box`));
    if (this.#exchange !== undefined) this.#send(this.#exchange.request);
  }

  #send({ path, headers }: PeerRequest): void {
    const { host, port } = this.#holder;
    const fields = Object.entries({ host: `${host}:${port}`, ...headers });
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  /**
   * The bytes are those of the one buffer, and gone at the next call.
   * Returns true: what holds the line back is the body.
   */
  #onBytes(bytes: Buffer): boolean {
    const exchange = this.#exchange;
    try {
      if (exchange === undefined || !this.#isTrusted)
        throw new SourceError("BAD_STATUS", `${this.#holder.name} sends what nobody asked for`);
      exchange.isAnswered = true;
      if (exchange.body === undefined) this.#takeHead(exchange, bytes);
      else this.#takeBody(exchange, exchange.body, bytes);
    } catch (error) {
      this.destroy(error as Error);
    }
    return true;
  }

  #takeHead(exchange: Exchange, bytes: Buffer): void {
    const read = exchange.head.take(bytes);
    if (read === undefined) return;
    const size = readBytes(read.head.headers, "content-length") ?? Infinity;
    exchange.missing = size;
    exchange.isLast = read.head.headers.connection?.toLowerCase() === "close";
    exchange.body = new LentBody(this.#flowOf(exchange), { size });
    exchange.resolve({ ...read.head, body: exchange.body });
    this.#takeBody(exchange, exchange.body, read.rest);
  }

  #takeBody(exchange: Exchange, body: LentBody, bytes: Buffer): void {
    if (bytes.length > exchange.missing)
      throw new SourceError("BAD_LENGTH", `${this.#holder.name} sends more than it said`);
    if (bytes.length > 0) body.take(bytes);
    exchange.missing -= bytes.length;
    if (exchange.missing > 0) return;
    this.#endExchange();
    body.end();
    if (exchange.isLast) return this.destroy(new Error("the peer wants it closed"));
    this.#isReused = true;
    this.#socket.resume(); // what is left of this body is the reader's affair
    this.#idleTimer = setTimeout(() => this.destroy(new Error("it was idle")), KEEP_ALIVE_MS);
  }

  #endExchange(): void {
    this.#exchange?.request.signal.removeEventListener("abort", this.#onAbort);
    this.#exchange = undefined;
  }

  readonly #onAbort = (): void => this.destroy(this.#exchange!.request.signal.reason as Error);

  /** An answer has no power over the connection once all of it has come. */
  #flowOf(exchange: Exchange): Flow {
    const isCurrent = (): boolean => this.#exchange === exchange;
    return {
      pause: () => void (isCurrent() && this.#socket.pause()),
      resume: () => void (isCurrent() && this.#socket.resume()),
      abort: (reason) => void (isCurrent() && this.destroy(reason)),
    };
  }

  #onClosed(): void {
    clearTimeout(this.#dialTimer);
    clearTimeout(this.#idleTimer);
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#endExchange();
    const fault = this.#faultFor(exchange);
    exchange.reject(fault);
    exchange.body?.end(fault);
  }

  #faultFor({ isAnswered }: Exchange): Error {
    if (this.#reason !== undefined) return this.#reason;
    if (this.#isReused && !isAnswered) return new StaleConnection("it closed an idle connection");
    return this.#fault ?? new Error("it closed the connection");
  }
}
