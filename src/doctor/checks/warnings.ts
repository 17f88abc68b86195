import { AGENT_NEEDED, ok, warn, type Check } from "../check.ts";

/** What the agent itself warns of, apart from its keyring, at which another check looks. */
export const warnings: Check = {
  name: "warnings",
  run: async ({ agent, config }) => {
    if (!("status" in agent)) return AGENT_NEEDED;
    const others = agent.status.warnings.filter((warning) => !warning.startsWith(`${config.snapshot.keyring}:`));
    const [first, ...more] = others;
    if (first === undefined) return ok("the agent warns of nothing else");
    return warn(more.length === 0 ? first : `${first}; and ${more.length} more`, "what distswarm status says of each");
  },
};
