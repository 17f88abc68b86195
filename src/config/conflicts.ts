import { isIPv4 } from "node:net";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { MAX_SOCKET_PATH_BYTES, socketName } from "../core/report/agent-sockets.ts";
import { count } from "../core/text/words.ts";
import { isOurselves, type OwnAddresses } from "../portage/mirrors.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

const EVERY_IPV4 = "0.0.0.0";
/** Of both families, as Node binds it. */
const EVERY_ADDRESS = "::";

/** What in a config cannot be: options that get in each other's way, or in the system's. A line each. */
export function conflictsIn(config: Config, own: OwnAddresses): string[] {
  const { proxy, swarm, upstream, store, state_dir } = config;
  const clash = proxy.listen.find((door) => overlap(door, swarm.listen));
  const loop = upstream.proxy !== null && isOurselves(new URL(upstream.proxy), own);
  return [
    ...(clash === undefined
      ? []
      : [`proxy.listen and swarm.listen are both at port ${clash.port}: give each a port of its own`]),
    ...(loop ? [`upstream.proxy is ${upstream.proxy}, which is this agent itself: name another proxy, or ""`] : []),
    ...(state_dir === store.dir ? [`state_dir and store.dir are both ${state_dir}: the store is read by all`] : []),
    ...socketConflicts(state_dir),
  ];
}

/** The path of a socket in it is bounded by the system. */
function socketConflicts(dir: string): string[] {
  const over = Buffer.byteLength(join(dir, socketName("control"))) - MAX_SOCKET_PATH_BYTES;
  const bound = `the path of a socket in it may have ${MAX_SOCKET_PATH_BYTES} bytes`;
  return over > 0 ? [`state_dir is ${count(over, "byte")} too long (${bound}): name a shorter one than ${dir}`] : [];
}

/** Whether two addresses cannot both be listened at. Port 0 is any that is free. */
function overlap(a: Address, b: Address): boolean {
  return a.port === b.port && a.port !== 0 && (a.host === b.host || covers(a.host, b.host) || covers(b.host, a.host));
}

function covers(wildcard: string, host: string): boolean {
  return wildcard === EVERY_ADDRESS || (wildcard === EVERY_IPV4 && isIPv4(host));
}
