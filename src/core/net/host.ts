import { BlockList, isIP } from "node:net";
import { isAddressIn } from "./subnet.ts";

/** Addresses at which a box reaches itself; a connection to an unspecified one goes to the box itself, too. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("0.0.0.0", "ipv4");
LOOPBACK.addAddress("::1", "ipv6");
LOOPBACK.addAddress("::", "ipv6");

/** What every box calls itself (RFC 6761, 6.3; the usual /etc/hosts). */
const LOOPBACK_NAME = /^(?:localhost|ip6-localhost|ip6-loopback|.+\.localhost)$/;

/**
 * The host of a URL as it stands alone: without the brackets of an IPv6 address, and without the root's dot at its end.
 */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

/** A host ({@link hostOf}) and port as they stand in a URL: `127.0.0.1:8480`, `[::1]:8480`. */
export function authorityOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** An address of IPv4 as such, where a socket of `::` has it mapped into IPv6. */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/, "");
}

/** The port that a URL of http or https leads to. */
export function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

/** Whether a name or address ({@link hostOf}) means the box itself on every box. */
export function isLoopback(host: string): boolean {
  return isIP(host) === 0 ? LOOPBACK_NAME.test(host) : isAddressIn(LOOPBACK, host);
}
