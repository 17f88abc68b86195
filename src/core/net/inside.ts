import type { LookupAddress } from "node:dns";
import { BlockList, type LookupFunction } from "node:net";
import { isLoopback } from "./host.ts";
import { isAddressIn } from "./subnet.ts";

/** Addresses of one link, where what runs a virtual machine tells it its secrets (169.254.169.254). */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LINK_LOCAL.addSubnet("fe80::", 10, "ipv6");

/** Whether a host ({@link hostOf}) leads to what is for this box alone: itself by loopback, or its link. */
export function isInside(host: string): boolean {
  return isLoopback(host) || isAddressIn(LINK_LOCAL, host);
}

/** Why a host is not asked for a client on another box, or where a server outside redirects to it. */
export function insideReason(host: string): string {
  return `${host} is for this box alone, and not reached for others`;
}

/** A look-up less the addresses that are inside; an error where no other is left. */
export function outsideOnly(lookup: LookupFunction): LookupFunction {
  return (host, options, callback) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const outside = (found as LookupAddress[]).filter(({ address }) => !isInside(address));
      const [first] = outside;
      if (first === undefined) callback(new Error(insideReason(host)), []);
      else if (options.all === true) callback(null, outside);
      else callback(null, first.address, first.family);
    });
}
