import { isIP, type BlockList } from "node:net";

/** A subnet as {@link BlockList.addSubnet} takes it. */
type Subnet = readonly [address: string, prefix: number, family: "ipv4" | "ipv6"];

/** Reads `address/prefix`, or an address alone, which is a subnet with all its bits. Undefined: it is neither. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0) return undefined;
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) return undefined;
  return [address, Number(prefix ?? bits), family === 4 ? "ipv4" : "ipv6"];
}

/**
 * Whether a host is an address in one of the subnets of `list`; one of IPv4 mapped into IPv6 is in those of IPv4, too.
 */
export function isAddressIn(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? "ipv4" : "ipv6");
}
