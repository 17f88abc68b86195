import { BlockList, isIP } from "node:net";

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/**
 * Whether `url` is reached without the proxy by a `no_proxy` list. An entry is `*`, a host (`example.org`, which covers
 * everything below it too, with or without a leading dot), an address, a subnet (`10.0.0.0/8`), or one of the first
 * three with `:port`.
 */
export function bypassesProxy(url: URL, noProxy: readonly string[]): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (DEFAULT_PORTS[url.protocol] ?? "");
  return noProxy.some((entry) => matches(entry.trim().toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return inSubnet(entry, host);
  const { name, wanted } = splitPort(entry);
  if (wanted !== undefined && wanted !== port) return false;
  const domain = name.replace(/^\*?\./, "");
  if (domain === "") return false;
  return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
}

/** `example.org:8080`, `[::1]:80`, and a bare `::1`, whose colons belong to the address. */
function splitPort(entry: string): { name: string; wanted?: string } {
  if (isIP(entry) === 6) return { name: entry };
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry);
  if (match === null) return { name: entry };
  const name = match[1]!.replace(/^\[|\]$/g, "");
  return match[2] === undefined ? { name } : { name, wanted: match[2] };
}

function inSubnet(entry: string, host: string): boolean {
  const [address = "", prefix = ""] = entry.split("/");
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const subnet = new BlockList();
  subnet.addSubnet(address, Number(prefix), type);
  return subnet.check(host, type);
}
