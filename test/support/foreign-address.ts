import { ownAddresses } from "../../src/core/net/own-addresses.ts";

/** Addresses for documentation (RFC 5737); a virtual machine may have one all the same. */
const RESERVED = ["192.0.2.9", "198.51.100.9", "203.0.113.9"];

/** An IPv4 address that this box does not have. */
export function foreignAddress(): string {
  const own = ownAddresses();
  return RESERVED.find((address) => !own.includes(address))!;
}
