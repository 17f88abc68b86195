import { BlockList, isIP } from "node:net";

/** What this agent answers to. */
export interface OwnAddresses {
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** Other names and addresses of this box, in lower case. */
  readonly names: readonly string[];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

const LOCALHOST = /^(?:localhost|ip6-localhost|ip6-loopback|.*\.localhost)$/;

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? LOCALHOST.test(host) : LOOPBACK.check(host, family === 4 ? "ipv4" : "ipv6");
}

/** Whether `url` leads back to this agent: one of its ports, at an address or a name of this box. */
export function isOurselves(url: URL, own: OwnAddresses): boolean {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const names = [...own.names, ...own.listen.map((address) => address.host)];
  return own.listen.some((address) => address.port === port) && (isLoopback(host) || names.includes(host));
}

/** What GENTOO_MIRRORS comes to. */
export interface Mirrors {
  /** http and https URLs and absolute paths, in its order, no `/` at their ends. */
  readonly usable: readonly string[];
  /** Words of another protocol, or that are no URLs. */
  readonly unusable: readonly string[];
}

/** Sorts out GENTOO_MIRRORS (words separated by blanks) and leaves this agent itself out. `file://` URLs become paths. */
export function readMirrors(gentooMirrors: string, own: OwnAddresses): Mirrors {
  const usable: string[] = [];
  const unusable: string[] = [];
  for (const word of gentooMirrors.split(/\s+/).filter(Boolean)) {
    const mirror = word.replace(/^file:\/\/(?=\/)/, "").replace(/(?<=.)\/+$/, "");
    const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
    if (mirror.startsWith("/")) usable.push(mirror);
    else if (url === undefined || !/^https?:$/.test(url.protocol)) unusable.push(word);
    else if (!isOurselves(url, own)) usable.push(mirror);
  }
  return { usable: [...new Set(usable)], unusable };
}
