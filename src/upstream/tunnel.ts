import type { buildConnector } from "undici";
import { dialThrough } from "./dial.ts";
import type { TrustedCertificates } from "./trusted-certificates.ts";

const HTTPS_PORT = 443;

/**
 * An undici connector to https servers through a proxy: CONNECT first, then `secure`, TLS to the server inside. Our own
 * rather than undici's ProxyAgent, which folds repeated header fields into one and waits for the proxy's answer without
 * limit.
 */
export function tunnelConnector(
  proxy: URL,
  { timeoutMs, trusted, secure }: { timeoutMs: number; trusted: TrustedCertificates; secure: buildConnector.connector },
): buildConnector.connector {
  return (target, connected) => {
    const endpoint = { host: target.hostname, port: Number(target.port) || HTTPS_PORT };
    dialThrough(proxy, endpoint, { trusted, signal: AbortSignal.timeout(timeoutMs) }).then(
      (httpSocket) => secure({ ...target, httpSocket }, connected),
      (error: Error) => connected(error, null),
    );
  };
}
