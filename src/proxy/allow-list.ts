import { BlockList } from "node:net";
import { DistswarmError } from "../core/errors.ts";
import { isAddressIn, parseSubnet } from "../core/net/subnet.ts";

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
    if (this.#last?.address !== address) this.#last = { address, isIncluded: isAddressIn(this.#list, address) };
    return this.#last.isIncluded;
  }

  #add(range: string): void {
    const subnet = parseSubnet(range);
    if (subnet === undefined) {
      throw new DistswarmError("INVALID_CONFIG", `proxy.allow: ${range} is no address or CIDR range`);
    }
    this.#list.addSubnet(...subnet);
  }
}
