import type { buildConnector } from "undici";
import { dialThrough, type ThroughProxy } from "./dial.ts";

const HTTPS_PORT = 443;

/**
 * An undici connector to https servers through a proxy: CONNECT first, then `secure`, TLS to the server inside. Our own
 * rather than undici's ProxyAgent, which folds repeated header fields into one and waits for the proxy's answer without
 * limit.
 */
export function tunnelConnector(
  proxy: URL,
  { secure, ...options }: ThroughProxy & { readonly secure: buildConnector.connector },
): buildConnector.connector {
  return (target, connected) => {
    const endpoint = { host: target.hostname, port: Number(target.port) || HTTPS_PORT };
    dialThrough(proxy, endpoint, options).then(
      (httpSocket) => secure({ ...target, httpSocket }, connected),
      (error: Error) => connected(error, null),
    );
  };
}
