import { type AddressInfo, isIP, type Socket } from "node:net";
import { hostOf, isLoopback, portOf, unmapped } from "../core/net/host.ts";
import { ownAddresses } from "../core/net/own-addresses.ts";
import { ownNames } from "../core/net/own-names.ts";
import type { IsOwn } from "./request-target.ts";

/** Endings of names that nobody can register for the internet (RFC 6762, 8375; ICANN's `internal`; home routers). */
const PRIVATE_ENDING = /\.(?:local|home\.arpa|internal|lan|localdomain)$/;

/**
 * Tells this agent's own doors in a URL: one of its ports, at a name or address of this box. Looked up at each call, as
 * addresses come and go.
 */
export function ownAddressTest(listening: () => readonly AddressInfo[]): IsOwn {
  return (url) => {
    if (!listening().some(({ port }) => port === portOf(url))) return false;
    return isThisBox(hostOf(url));
  };
}

/**
 * Whether a `Host` field may mean this box: an address, this box's name, a name of the LAN, or none. Any other name is
 * one that somebody has pointed here, as a web page does to read in a browser what is for this box's users (DNS
 * rebinding).
 */
export function mayMeanThisBox(host: string | undefined): boolean {
  if (host === undefined) return true;
  if (!URL.canParse(`http://${host}`)) return false;
  const name = hostOf(new URL(`http://${host}`));
  return isIP(name) !== 0 || isThisBox(name) || PRIVATE_ENDING.test(name);
}

/**
 * Whether a request comes from another box. What listens on this box's loopback, or answers this box on its link, is not for
 * who is there: the proxy must not lead them to it.
 */
export function isGuest({ socket }: { readonly socket: Pick<Socket, "remoteAddress"> }): boolean {
  const { remoteAddress = "" } = socket;
  return !isThisBox(unmapped(remoteAddress));
}

function isThisBox(host: string): boolean {
  return isLoopback(host) || ownAddresses().includes(host) || ownNames().includes(host);
}
