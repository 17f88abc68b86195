import { hostOf, portOf } from "../core/host.ts";
import { parseProxyException } from "../core/proxy-exception.ts";

/** Whether `url` is reached without the proxy by a `no_proxy` list (see {@link parseProxyException}). */
export function bypassesProxy(url: URL, noProxy: readonly string[]): boolean {
  const [host, port] = [hostOf(url), portOf(url)];
  return noProxy.some((entry) => parseProxyException(entry)?.(host, port) === true);
}
