import { AGENT_NEEDED, fail, ok, unchecked, warn, type Check } from "../check.ts";

/** Other boxes reach this one. */
export const ports: Check = {
  name: "ports",
  run: async ({ agent, config }) => {
    if (!("status" in agent)) return AGENT_NEEDED;
    const { peers, port } = agent.status.swarm;
    const { host, port: number } = config.swarm.listen;
    if (host.startsWith("127.")) {
      const seen = `swarm.listen is ${host}:${number}: no other box can reach that`;
      return warn(seen, `swarm.listen = "0.0.0.0:${number}", and restart the agent`);
    }
    if (port !== undefined && port.closed.length > 0) {
      const seen = `${port.closed.join(", ")} cannot reach TCP port ${number} of this box`;
      const mend = `open ${number}/tcp and ${number}/udp in the firewall of this box`;
      return fail(seen, `${mend}; behind NAT, as a virtual machine often is, give it an address of the LAN`);
    }
    if (port !== undefined && port.open.length > 0) return ok(`${port.open.join(", ")} can reach port ${number}`);
    if (agent.status.uploaded.requests > 0) return ok(`peers have fetched from port ${number}`);
    return unchecked(peers.length === 0 ? "there is no peer to ask" : "no peer has tried yet");
  },
};
