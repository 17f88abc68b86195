import { networkInterfaces } from "node:os";

/** The IPv4 and IPv6 addresses of this box now, those of loopback included. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
