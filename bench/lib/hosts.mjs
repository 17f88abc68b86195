// Hosts of a LAN on this machine: network namespaces on a bridge. Needs root.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });

/** Makes hosts `{ netns, address }` that `use` gets; they are removed afterwards. */
export async function withHosts(count, use) {
  const run = `dsb${randomBytes(3).toString("hex")}`;
  const bridge = `${run}b`;
  const hosts = Array.from({ length: count }, (_, at) => ({ netns: `${run}h${at + 1}`, address: `10.98.0.${at + 1}` }));
  try {
    ip("link", "add", bridge, "type", "bridge", "mcast_snooping", "0");
    ip("link", "set", bridge, "up");
    for (const [at, host] of hosts.entries()) plug(host, bridge, `${run}v${at + 1}`);
    return await use(hosts);
  } finally {
    for (const { netns } of hosts) tryTo(() => ip("netns", "del", netns));
    tryTo(() => ip("link", "del", bridge));
  }
}

/** Holds the line of each host to a rate such as `1gbit`, both ways; undefined lets go of it. */
export function shape(hosts, rate) {
  for (const { netns } of hosts) {
    const queue = ["-n", netns, "qdisc", rate === undefined ? "del" : "add", "dev", "eth0", "root"];
    const limit = rate === undefined ? [] : ["tbf", "rate", rate, "burst", "512kb", "latency", "50ms"];
    execFileSync("tc", [...queue, ...limit]);
  }
}

function plug({ netns, address }, bridge, cable) {
  ip("netns", "add", netns);
  ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", netns);
  ip("link", "set", cable, "master", bridge, "up");
  ip("-n", netns, "addr", "add", `${address}/24`, "dev", "eth0");
  for (const device of ["lo", "eth0"]) ip("-n", netns, "link", "set", device, "up");
  ip("-n", netns, "route", "replace", "224.0.0.0/4", "dev", "eth0");
}

function tryTo(action) {
  try {
    action();
  } catch {
    // it was not made, or is gone already
  }
}
