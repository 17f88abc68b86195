import { hostOf, portOf } from "../core/net/host.ts";
import { parseProxyException } from "../core/net/proxy-exception.ts";

/** Whether a URL is reached without the proxy. */
export type ProxyBypass = (url: URL) => boolean;

/** Reads a `no_proxy` list (see {@link parseProxyException}); what makes no sense excepts nothing. */
export function proxyBypass(noProxy: readonly string[]): ProxyBypass {
  const exceptions = noProxy.flatMap((entry) => parseProxyException(entry) ?? []);
  return (url) => {
    const [host, port] = [hostOf(url), portOf(url)];
    return exceptions.some((excepts) => excepts(host, port));
  };
}
