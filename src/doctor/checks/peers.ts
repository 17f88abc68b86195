import type { LastRejected, SwarmStatus } from "../../core/report/swarm-status.ts";
import { VERSION } from "../../core/version.ts";
import { AGENT_NEEDED, ok, unchecked, warn, type Check, type Finding } from "../check.ts";

/** Who was turned away longer ago may have been mended since. */
const RECENT_MS = 3_600_000;
const SAME_VERSION = "upgrade all boxes to one version";
const SAME_KEY = "distswarm invite on one box, and distswarm join with that key on the others";

/** The other boxes are reached, and run the same version. */
export const peers: Check = {
  name: "peers",
  run: async ({ agent, now }) => {
    if (!("status" in agent)) return AGENT_NEEDED;
    const { swarm } = agent.status;
    if (swarm.problem !== undefined) return warn(`there is no swarm: ${swarm.problem}`, "the agent's log says more");
    return (
      nowhere(swarm) ??
      strangeProtocol(swarm, now) ??
      unreached(swarm) ??
      strangers(swarm, now) ??
      troubled(swarm) ??
      versions(swarm)
    );
  },
};

/** This box has no address at which others could find it. */
function nowhere({ unoffered }: SwarmStatus): Finding | undefined {
  if (unoffered === undefined) return undefined;
  const mend =
    "give it an IPv4 address of the LAN; or name the subnet of the boxes in swarm.networks, and restart the agent";
  return warn(`no other box is looked for: ${unoffered}`, mend);
}

/** A box whose protocol is not, or not quite, that of this version, and that was not upgraded since. */
function strangeProtocol({ peers, last_rejected = {} }: SwarmStatus, now: number): Finding | undefined {
  const { other_protocol: other, rule: broken } = last_rejected;
  const isPeer = (host = ""): boolean => peers.some(({ address }) => address.startsWith(`${host}:`));
  const last = [other, broken].find((one) => one !== undefined && isRecent(one, now) && !isPeer(one.address));
  if (last === undefined) return undefined;
  const what = last === other ? "speaks the protocol of another version" : "broke the protocol";
  return warn(`a box at ${last.address ?? "another address"} ${what} (${last.at})`, SAME_VERSION);
}

/** Those of `swarm.peers` with which there is no session. */
function unreached({ static: configured = [] }: SwarmStatus): Finding | undefined {
  const lost = configured.filter(({ problem }) => problem !== undefined);
  if (lost.length === 0) return undefined;
  const seen = lost.map(({ address, problem }) => `${address} of swarm.peers: ${problem}`).join("; ");
  return warn(seen, `look at the address, at the firewall there, and at the network key: ${SAME_KEY}`);
}

/** A box that has another key than this one, while there is no peer: one of the two has an old key. */
function strangers({ peers, last_rejected = {} }: SwarmStatus, now: number): Finding | undefined {
  if (peers.length > 0) return undefined;
  const turnedAway = [last_rejected["wrong_proof"], last_rejected["no_proof"]].flatMap((last) => last ?? []);
  const recent = turnedAway.find((last) => isRecent(last, now));
  if (recent === undefined) return undefined;
  const { address = "another address", at } = recent;
  return warn(`there is no peer, and a box at ${address} has another network key (${at})`, SAME_KEY);
}

function isRecent({ at }: LastRejected, now: number): boolean {
  return now - Date.parse(at) < RECENT_MS;
}

function troubled({ peers }: SwarmStatus): Finding | undefined {
  const troubled = peers.filter((peer) => peer.problem !== undefined);
  if (troubled.length === 0) return undefined;
  const seen = troubled.map((peer) => `${peer.host}: ${peer.problem}`).join("; ");
  return warn(seen, `run distswarm doctor on ${troubled.map(({ host }) => host).join(", ")}, too`);
}

function versions({ peers }: SwarmStatus): Finding {
  if (peers.length === 0) return unchecked("there is no peer: distswarm invite shows how to add one");
  const others = peers.filter(({ version }) => version !== undefined && version !== VERSION);
  if (others.length === 0) return ok(`${peers.map(({ host }) => host).join(", ")}: reached, version ${VERSION}`);
  const seen = others.map(({ host, version }) => `${host} runs ${version}`).join(", ");
  return warn(`${seen}; this box runs ${VERSION}`, SAME_VERSION);
}
