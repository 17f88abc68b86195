import { BlockList, isIP } from "node:net";
import { isAddressIn, parseSubnet } from "./subnet.ts";

/** Whether a host (in lower case; IPv6 without brackets) at a port is reached without the proxy. */
type ProxyException = (host: string, port: number) => boolean;

const MAX_PORT = 65_535;
/**
 * A name or an address; one of IPv6 in brackets. `.` and `*.` before a name say nothing that the name alone does not.
 */
const WITH_PORT =
  /^(?:\[(?<v6>[^\]/]*:[^\]/]*)\]|(?:\*?\.)?(?<host>[^\s/,:*[\].][^\s/,:*[\]]*))(?::(?<port>\d{1,5}))?$/;

/**
 * Reads an entry of a `no_proxy` list as curl and Go do: `*`; a host (`example.org`, with or without `.` or `*.` before
 * it, which covers everything below it, too) or an address, either with or without `:port`; a subnet (`10.0.0.0/8`).
 *
 * @returns undefined when it is none of these, and could except nothing.
 */
export function parseProxyException(text: string): ProxyException | undefined {
  const entry = text.toLowerCase();
  if (entry === "*") return () => true;
  const addresses = addressesIn(entry);
  if (addresses !== undefined) return addresses;
  const { v6, host = "", port } = WITH_PORT.exec(entry)?.groups ?? {};
  const hosts = addressesIn(v6 ?? host) ?? (host === "" ? undefined : hostsBelow(host));
  if (hosts === undefined || port === undefined) return hosts;
  const wanted = Number(port);
  return wanted > 0 && wanted <= MAX_PORT ? (some, at) => at === wanted && hosts(some, at) : undefined;
}

function addressesIn(text: string): ProxyException | undefined {
  const subnet = parseSubnet(text);
  if (subnet === undefined) return undefined;
  const list = new BlockList();
  list.addSubnet(...subnet);
  return (host) => isAddressIn(list, host);
}

function hostsBelow(domain: string): ProxyException {
  return (host) => host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
}
