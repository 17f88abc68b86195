import { VERSION } from "../../core/version.ts";
import { AGENT_NEEDED, ok, unchecked, warn, type Check } from "../check.ts";
import { swarmOf } from "../swarm.ts";

/** The other boxes are reached, and run the same version. */
export const peers: Check = {
  name: "peers",
  run: async ({ agent }) => {
    if (!("status" in agent)) return AGENT_NEEDED;
    const { peers, problem } = swarmOf(agent.status);
    if (problem !== undefined) return warn(`there is no swarm: ${problem}`, "the agent's log says more");
    if (peers.length === 0) return unchecked("there is no peer: distswarm invite shows how to add one");
    const troubled = peers.filter((peer) => peer.problem !== undefined);
    if (troubled.length > 0) {
      const seen = troubled.map((peer) => `${peer.host}: ${peer.problem}`).join("; ");
      return warn(seen, `run distswarm doctor on ${troubled.map(({ host }) => host).join(", ")}, too`);
    }
    const others = peers.filter(({ version }) => version !== undefined && version !== VERSION);
    if (others.length === 0) return ok(`${peers.map(({ host }) => host).join(", ")}: reached, version ${VERSION}`);
    const seen = others.map(({ host, version }) => `${host} runs ${version}`).join(", ");
    return warn(`${seen}; this box runs ${VERSION}`, "upgrade all boxes to one version");
  },
};
