import type { Digest } from "../core/digest.ts";
import type { Holder } from "../core/directory.ts";
import { SourceError, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Identity } from "../swarm/identity.ts";
import { PeerConnection, StaleConnection, type BlobReply, type PeerRequest } from "./peer-connection.ts";
import { TRIED_HEADER, blobPath, idList } from "./protocol.ts";

/** What one asks a peer for. */
interface BlobRequest {
  readonly digest: Digest;
  readonly offset: number;
  /** Ids of boxes that were asked in vain. */
  readonly tried: readonly string[];
  readonly signal: AbortSignal;
}

/** Asks peers for blobs: HTTPS with mutual TLS 1.3, on connections that are kept for a while. */
export class PeerClient implements Startable {
  readonly #identity: Identity;
  /** All that are open, and which peer at which place each is to. */
  readonly #connections = new Map<PeerConnection, string>();

  constructor({ identity }: { readonly identity: Identity }) {
    this.#identity = identity;
  }

  async start(): Promise<void> {}

  /** Breaks off what is under way. */
  async stop(): Promise<void> {
    for (const connection of this.#connections.keys()) connection.destroy(new Error("the agent is stopping"));
  }

  /**
   * Asks one peer. The key of the one who answers is held against the peer's before the first byte of the request leaves.
   *
   * @throws {SourceError} `REFUSED`, `UNTRUSTED`, `BAD_STATUS`; the signal's reason.
   */
  async get(holder: Holder, { digest, offset, tried, signal }: BlobRequest): Promise<BlobReply> {
    signal.throwIfAborted();
    const headers: Record<string, string> = {};
    if (offset > 0) headers["range"] = `bytes=${offset}-`;
    if (tried.length > 0) headers[TRIED_HEADER] = idList(tried);
    try {
      return await this.#ask(holder, { path: blobPath(digest), headers, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceError) throw error;
      throw new SourceError("REFUSED", `${holder.name}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** A peer may close an idle connection at the moment in which it is used again: that says nothing about the peer. */
  async #ask(holder: Holder, request: PeerRequest): Promise<BlobReply> {
    for (;;) {
      try {
        return await this.#connectionTo(holder).get(request);
      } catch (error) {
        if (!(error instanceof StaleConnection)) throw error;
        request.signal.throwIfAborted();
      }
    }
  }

  #connectionTo(holder: Holder): PeerConnection {
    const place = `${holder.id} ${holder.host}:${holder.port}`;
    for (const [connection, to] of this.#connections) if (to === place && connection.isFree) return connection;
    const closed = (): void => void this.#connections.delete(connection);
    const connection: PeerConnection = new PeerConnection(holder, this.#identity, { closed });
    this.#connections.set(connection, place);
    return connection;
  }
}
