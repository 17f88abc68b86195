import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { Pool, buildConnector } from "undici";
import type { Digest } from "../core/digest.ts";
import { SourceError, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import { idOfKey, type Identity } from "../swarm/identity.ts";
import type { Holder } from "./directory.ts";
import { TRIED_HEADER, blobPath, idList } from "./protocol.ts";

/** No dial is given up before this: a box that compiles is slow, not dead. */
const DIAL_TIMEOUT_MS = 4000;
/** Connections to one peer. */
const MAX_CONNECTIONS = 8;
/** How long an idle connection is kept; shorter than the server keeps it. */
const KEEP_ALIVE_MS = 10_000;

/** What one asks a peer for. */
export interface BlobRequest {
  readonly digest: Digest;
  readonly offset: number;
  /** Ids of boxes that were asked in vain. */
  readonly tried: readonly string[];
  readonly signal: AbortSignal;
}

/** What a peer answered. */
export interface BlobReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** Asks peers for blobs: HTTPS with mutual TLS 1.3, on connections that are kept for a while. */
export class PeerClient implements Startable {
  readonly #identity: Identity;
  readonly #pools = new Map<string, { readonly origin: string; readonly pool: Pool }>();

  constructor({ identity }: { readonly identity: Identity }) {
    this.#identity = identity;
  }

  async start(): Promise<void> {}

  /** Breaks off what is under way. */
  async stop(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy()));
  }

  /**
   * Asks one peer. The key of the one who answers is held against the peer's before the first byte of the request leaves.
   *
   * @throws {SourceError} `REFUSED`, `UNTRUSTED`; the signal's reason.
   */
  async get(holder: Holder, { digest, offset, tried, signal }: BlobRequest): Promise<BlobReply> {
    const headers: Record<string, string> = {};
    if (offset > 0) headers["range"] = `bytes=${offset}-`;
    if (tried.length > 0) headers[TRIED_HEADER] = idList(tried);
    try {
      const reply = await this.#pool(holder).request({ method: "GET", path: blobPath(digest), headers, signal });
      return { status: reply.statusCode, headers: reply.headers, body: reply.body };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceError) throw error;
      throw new SourceError("REFUSED", `${holder.name}: ${messageOf(error)}`, { cause: error });
    }
  }

  #pool(holder: Holder): Pool {
    const origin = `https://${holder.host}:${holder.port}`;
    const known = this.#pools.get(holder.id);
    if (known?.origin === origin) return known.pool;
    void known?.pool.close();
    const pool = new Pool(origin, {
      connect: connectorFor(holder, this.#identity),
      connections: MAX_CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // Patience is the asker's: it aborts.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#pools.set(holder.id, { origin, pool });
    return pool;
  }
}

/** Dials, and lets nobody through but the one with the peer's key. */
function connectorFor({ id, name }: Holder, { tls }: Identity): buildConnector.connector {
  const dial = buildConnector({
    ...tls,
    minVersion: "TLSv1.3",
    rejectUnauthorized: false, // self-signed: what counts is the key
    maxCachedSessions: 0, // a resumed session shows no certificate
    timeout: DIAL_TIMEOUT_MS,
  });
  return (options, callback) => {
    dial(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const certificate = (socket as TLSSocket).getPeerX509Certificate();
      if (certificate !== undefined && idOfKey(certificate.publicKey) === id) return callback(null, socket);
      socket.destroy();
      callback(new SourceError("UNTRUSTED", `${name} answers with the key of another box`), null);
    });
  };
}
