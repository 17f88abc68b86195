import { lookup } from "node:dns/promises";

/** Look-ups under way, by name. */
const underWay = new Map<string, Promise<string>>();

/**
 * The IPv4 address of a host name; of one that is being looked up that answer is awaited. A name server that is silent
 * holds a look-up for half a minute, whoever has given it up, and a process has but two at a time: those of a box that is
 * asked for each second would hold up all others for ever. Throws system errors.
 */
export function addressOf(name: string): Promise<string> {
  const begun = underWay.get(name);
  if (begun !== undefined) return begun;
  const address = lookup(name, { family: 4 })
    .then(({ address }) => address)
    .finally(() => underWay.delete(name));
  underWay.set(name, address);
  return address;
}
