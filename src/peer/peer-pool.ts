import type { TLSSocket } from "node:tls";
import { Pool, buildConnector } from "undici";
import { SourceError } from "../core/errors.ts";
import { idOfKey, type Identity } from "../swarm/identity.ts";
import type { Holder } from "./directory.ts";

/** No dial is given up before this: a box that compiles is slow, not dead. */
const DIAL_TIMEOUT_MS = 4000;
/** Connections to one peer. */
const MAX_CONNECTIONS = 8;
/** How long an idle connection is kept; shorter than the server keeps it. */
const KEEP_ALIVE_MS = 10_000;

/** Makes the connections to one peer. */
export type OpenPool = typeof openPool;

/** Connections to one peer, made as they are needed and kept for a while. */
export function openPool(origin: string, holder: Holder, identity: Identity): Pool {
  return new Pool(origin, {
    connect: connectorFor(holder, identity),
    connections: MAX_CONNECTIONS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // Patience is the asker's: it aborts.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
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
