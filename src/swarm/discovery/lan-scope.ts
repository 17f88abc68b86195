import { BlockList, isIPv4 } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { DistswarmError } from "../../core/errors.ts";
import { isLoopback } from "../../core/net/host.ts";
import { parseSubnet } from "../../core/net/subnet.ts";

/** Private and link-local IPv4 (RFC 1918, RFC 3927). */
const PRIVATE_NETWORKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"];

/**
 * Links that are no LAN, by the names that their makers give them: containers,
 * virtual machines, VPNs. A plain `br0` is one.
 */
const VIRTUAL_LINK =
  /^(docker|br-|veth|virbr|vnet|vboxnet|vmnet|ve-|vz-|lxc|lxdbr|incusbr|waydroid|podman|cni|flannel|cali|tun|tap|wg|tailscale|zt|ppp|utun|ipsec|nordlynx)/;

const EVERY_ADDRESS = "0.0.0.0";

/** Interfaces as `os.networkInterfaces()` tells them. */
type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** One IPv4 address of this box on a LAN. */
interface LanAddress {
  readonly link: string;
  readonly address: string;
  /** The subnet, such as `10.13.18.101/24`. */
  readonly subnet: string;
}

/**
 * Where the swarm is offered and from where it is accepted. Without `networks`: private subnets on physical links, and
 * whoever comes from a private address that is not on a virtual link (so a routed LAN is one). With: those, and nothing
 * else.
 */
export class LanScope {
  readonly #wanted: BlockList;
  /** The subnets of this box's links, the smallest first; none where `networks` say all. */
  readonly #links: readonly { readonly isVirtual: boolean; readonly subnet: BlockList }[];
  /** This box's addresses on the LAN, sorted by address; none when it has no network. */
  readonly addresses: readonly LanAddress[];
  /** Why there is no such address, one clause for people; undefined when there is one. */
  readonly problem: string | undefined;

  /**
   * `bind`: the one address where this box listens, or all of them.
   *
   * @throws {DistswarmError} `INVALID_CONFIG` naming a network that is none.
   */
  constructor(interfaces: Interfaces, networks: readonly string[], bind = EVERY_ADDRESS) {
    const byChoice = networks.length > 0;
    const all = ipv4Addresses(interfaces);
    this.#wanted = blockList(byChoice ? networks : PRIVATE_NETWORKS);
    const bySize = byChoice ? [] : all.toSorted((a, b) => prefixOf(b.subnet) - prefixOf(a.subnet));
    this.#links = bySize.map((one) => ({ isVirtual: isVirtual(one), subnet: blockList([one.subnet]) }));
    this.addresses = all.filter((one) => {
      const isBound = bind === EVERY_ADDRESS || bind === one.address;
      return isBound && this.#wanted.check(one.address) && (byChoice || !isVirtual(one));
    });
    this.problem = this.addresses.length > 0 ? undefined : problemOf(all, { byChoice, bind });
  }

  /** Whether a box at this IPv4 address may be talked to. */
  accepts(address: string): boolean {
    return isIPv4(address) && this.#wanted.check(address) && !this.#isBehindVirtualLink(address);
  }

  /** Whether `other` offers the swarm at the same addresses. */
  equals(other: LanScope): boolean {
    const key = (scope: LanScope): string => scope.addresses.map(({ link, subnet }) => `${link} ${subnet}`).join();
    return key(this) === key(other);
  }

  /** As routes do it: a VPN of 10.0.0.0/8 leaves the LAN of 10.13.18.0/24 alone. */
  #isBehindVirtualLink(address: string): boolean {
    return this.#links.find(({ subnet }) => subnet.check(address))?.isVirtual === true;
  }
}

function ipv4Addresses(interfaces: Interfaces): LanAddress[] {
  const found: LanAddress[] = [];
  for (const [link, infos] of Object.entries(interfaces)) {
    for (const { family, address, cidr } of infos ?? []) {
      if (family === "IPv4" && cidr !== null) found.push({ link, address, subnet: cidr });
    }
  }
  return found.sort((a, b) => a.address.localeCompare(b.address));
}

/** Why none of all IPv4 addresses of this box is on the LAN. */
function problemOf(all: readonly LanAddress[], { byChoice, bind }: { byChoice: boolean; bind: string }): string {
  const own = all.map(({ address }) => address);
  if (bind !== EVERY_ADDRESS && !own.includes(bind)) return `this box has no address ${bind}, as swarm.listen has it`;
  const usable = bind === EVERY_ADDRESS ? own.filter((address) => !isLoopback(address)) : [bind];
  if (usable.length === 0) return "this box has no IPv4 address, and the swarm knows no IPv6";
  const where = byChoice ? "swarm.networks" : "a private subnet on a physical link, and swarm.networks names no other";
  return `of this box's addresses (${usable.join(", ")}) none is in ${where}`;
}

function prefixOf(subnet: string): number {
  return parseSubnet(subnet)![1];
}

function isVirtual({ link }: LanAddress): boolean {
  return VIRTUAL_LINK.test(link);
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const subnet = parseSubnet(network);
    if (subnet?.[2] !== "ipv4") {
      throw new DistswarmError("INVALID_CONFIG", `swarm.networks: ${network} is no IPv4 network such as 10.13.18.0/24`);
    }
    list.addSubnet(...subnet);
  }
  return list;
}
