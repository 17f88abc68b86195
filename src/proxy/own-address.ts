import { type AddressInfo, isIP, isIPv4 } from "node:net";
import { ownAddresses } from "../core/own-addresses.ts";
import { ownNames } from "../core/own-names.ts";
import type { IsOwn } from "./request-target.ts";

/** Names of every box for itself; a connection to an unspecified address goes to the box itself, too. */
const LOCAL_NAMES = ["localhost", "ip6-localhost", "[::1]", "0.0.0.0", "[::]"];

/** Endings of names that nobody can register for the internet (RFC 6762, 8375; ICANN's `internal`; home routers). */
const PRIVATE_ENDING = /\.(?:local|home\.arpa|internal|lan|localdomain)$/;

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

/**
 * Whether a `Host` field may mean this box: an address, this box's name, a name of the LAN, or none. Any other name is one
 * that somebody has pointed here, as a web page does to read in a browser what is for this box's users (DNS rebinding).
 */
export function mayMeanThisBox(host: string | undefined): boolean {
  if (host === undefined) return true;
  if (!URL.canParse(`http://${host}`)) return false;
  const name = new URL(`http://${host}`).hostname.replace(/\.$/, "");
  return isIP(withoutBrackets(name)) !== 0 || isThisBox(name) || PRIVATE_ENDING.test(name);
}

function isThisBox(name: string): boolean {
  if (LOCAL_NAMES.includes(name)) return true;
  if (isIPv4(name) && name.startsWith("127.")) return true;
  return ownAddresses().includes(withoutBrackets(name)) || ownNames().includes(name);
}

/** An IPv6 address as it stands alone: in a URL it has brackets. */
function withoutBrackets(name: string): string {
  return name.replace(/^\[|\]$/g, "");
}
