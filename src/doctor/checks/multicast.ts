import { AGENT_NEEDED, ok, unchecked, warn, type Check } from "../check.ts";

/** Boxes find one another by multicast. */
export const multicast: Check = {
  name: "multicast",
  run: async ({ agent, config }) => {
    if (!config.swarm.multicast) return ok("off by swarm.multicast: boxes are found by swarm.peers");
    if (!("status" in agent)) return AGENT_NEEDED;
    const { peers } = agent.status.swarm;
    const heard = peers.filter(({ found }) => found === "mdns").length;
    if (heard > 0) return ok(`${heard} of ${peers.length} peers were heard by multicast`);
    if (peers.length === 0) return unchecked("there is no peer to be heard");
    const mend = "open 5353/udp in the firewall of each box; where multicast does not pass, name a box in swarm.peers";
    return warn("no peer was heard by multicast: a box with a new address may not be found", mend);
  },
};
