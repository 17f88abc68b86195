import { hostname, networkInterfaces } from "node:os";
import type { AddressInfo } from "node:net";
import type { IsOwn } from "./request-target.ts";

/** Names of every box for itself; a connection to an unspecified address goes to the box itself, too. */
const LOCAL_NAMES = ["localhost", "ip6-localhost", "[::1]", "0.0.0.0", "[::]"];

/**
 * Tells this agent's own doors in a URL: one of its ports, at a name or address of this box. Looked up at each call, as
 * addresses come and go.
 */
export function ownAddressTest(listening: () => readonly AddressInfo[]): IsOwn {
  return (url) => {
    const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
    if (!listening().some((address) => address.port === port)) return false;
    return isThisBox(url.hostname.toLowerCase().replace(/\.$/, ""));
  };
}

function isThisBox(name: string): boolean {
  if (LOCAL_NAMES.includes(name) || name.startsWith("127.") || name === hostname().toLowerCase()) return true;
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.some(({ address }) => name === address || name === `[${address}]`);
}
