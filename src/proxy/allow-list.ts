import { BlockList, isIPv4, isIPv6 } from "node:net";
import { DistswarmError } from "../core/errors.ts";

/** Who may use the doors, by address: CIDR ranges such as `127.0.0.0/8`, or single addresses. */
export class AllowList {
  readonly #list = new BlockList();
  /** The last answer: who asked mostly asks again, and the list is slow. */
  #last: { readonly address: string; readonly isIncluded: boolean } | undefined;

  /** @throws {DistswarmError} `INVALID_CONFIG` naming a range that is none. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) this.#add(range);
  }

  /** Whether the address (IPv4, IPv6, or IPv4 mapped into IPv6) is in one of the ranges. */
  includes(address: string | undefined): boolean {
    if (address === undefined) return false;
    if (this.#last?.address !== address) this.#last = { address, isIncluded: this.#check(address) };
    return this.#last.isIncluded;
  }

  #check(address: string): boolean {
    const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
    return this.#list.check(plain, isIPv4(plain) ? "ipv4" : "ipv6");
  }

  #add(range: string): void {
    const [address = "", bits] = range.split("/");
    if (isIPv4(address)) this.#list.addSubnet(address, Number(bits ?? 32), "ipv4");
    else if (isIPv6(address)) this.#list.addSubnet(address, Number(bits ?? 128), "ipv6");
    else throw new DistswarmError("INVALID_CONFIG", `proxy.allow: ${range} is no address or CIDR range`);
  }
}
