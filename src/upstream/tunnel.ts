import type { SecureContext } from "node:tls";
import type { buildConnector } from "undici";
import { closableConnector } from "./connector.ts";
import { dialThrough } from "./dial.ts";

const HTTPS_PORT = 443;

/**
 * An undici connector to https servers through a proxy: CONNECT first, then TLS to the server inside. Our own rather
 * than undici's ProxyAgent, which folds repeated header fields into one and waits for the proxy's answer without limit.
 */
export function tunnelConnector(
  proxy: URL,
  options: { timeoutMs: number; secureContext: SecureContext },
): buildConnector.connector {
  const secure = closableConnector({ timeout: options.timeoutMs, secureContext: options.secureContext });
  return (target, connected) => {
    const endpoint = { host: target.hostname, port: Number(target.port) || HTTPS_PORT };
    dialThrough(proxy, endpoint, AbortSignal.timeout(options.timeoutMs)).then(
      (httpSocket) => secure({ ...target, httpSocket }, connected),
      (error: Error) => connected(error, null),
    );
  };
}
