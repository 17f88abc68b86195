// Hosts of a LAN on this machine: network namespaces on a bridge. Needs root.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { run } from "./bed.mjs";

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });

/** Makes hosts `{ netns, address, cable }` that `use` gets; they are removed afterwards. */
export async function withHosts(count, use) {
  const name = `dsb${randomBytes(3).toString("hex")}`;
  const bridge = `${name}b`;
  const hosts = Array.from({ length: count }, (_, at) => ({
    netns: `${name}h${at + 1}`,
    address: `10.98.0.${at + 1}`,
    cable: `${name}v${at + 1}`,
  }));
  try {
    ip("link", "add", bridge, "type", "bridge", "mcast_snooping", "0");
    ip("link", "set", bridge, "up");
    for (const host of hosts) plug(host, bridge);
    return await use(hosts);
  } finally {
    for (const { netns, cable } of hosts) {
      tryTo(() => ip("link", "del", cable));
      tryTo(() => ip("netns", "del", netns));
    }
    tryTo(() => ip("link", "del", bridge));
  }
}

/** Holds the line of each host to a rate such as `1gbit`, both ways; undefined lets go of it. */
export function shape(hosts, rate) {
  for (const { netns, cable } of hosts) {
    setRate(["-n", netns], "eth0", rate);
    setRate([], cable, rate);
  }
}

/** Bytes that have left a host by its line, with all headers. */
export function bytesOut({ netns }) {
  return Number(run(netns, ["cat", "/sys/class/net/eth0/statistics/tx_bytes"]));
}

function setRate(where, device, rate) {
  tryTo(() => execFileSync("tc", [...where, "qdisc", "del", "dev", device, "root"], { stdio: "ignore" }));
  if (rate === undefined) return;
  const limit = ["tbf", "rate", rate, "burst", "512kb", "latency", "50ms"];
  execFileSync("tc", [...where, "qdisc", "add", "dev", device, "root", ...limit]);
}

function plug({ netns, address, cable }, bridge) {
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
