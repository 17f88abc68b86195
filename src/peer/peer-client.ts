import type { Pool } from "undici";
import type { Digest } from "../core/digest.ts";
import { SourceError, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Identity } from "../swarm/identity.ts";
import { BlobExchange, type BlobReply } from "./blob-exchange.ts";
import type { Holder } from "./directory.ts";
import type { OpenPool } from "./peer-pool.ts";
import { TRIED_HEADER, blobPath, idList } from "./protocol.ts";

/** What one asks a peer for. */
export interface BlobRequest {
  readonly digest: Digest;
  readonly offset: number;
  /** Ids of boxes that were asked in vain. */
  readonly tried: readonly string[];
  readonly signal: AbortSignal;
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
    const { openPool } = await import("./peer-pool.ts"); // undici is slow to load, and the agent starts without it
    try {
      const exchange = new BlobExchange({ signal });
      this.#pool(holder, openPool).dispatch({ method: "GET", path: blobPath(digest), headers }, exchange);
      return await exchange.reply;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceError) throw error;
      throw new SourceError("REFUSED", `${holder.name}: ${messageOf(error)}`, { cause: error });
    }
  }

  #pool(holder: Holder, openPool: OpenPool): Pool {
    const origin = `https://${holder.host}:${holder.port}`;
    const known = this.#pools.get(holder.id);
    if (known?.origin === origin) return known.pool;
    void known?.pool.close();
    const pool = openPool(origin, holder, this.#identity);
    this.#pools.set(holder.id, { origin, pool });
    return pool;
  }
}
