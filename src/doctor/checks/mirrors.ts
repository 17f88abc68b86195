import { withoutCredentials } from "../../core/net/credentials.ts";
import { AGENT_NEEDED, fail, ok, unchecked, warn, type Check } from "../check.ts";

/** The agent reaches its mirrors. */
export const mirrors: Check = {
  name: "mirrors",
  run: async ({ agent, config, mirrorAnswers }) => {
    if (!("status" in agent)) return AGENT_NEEDED;
    const answers = await mirrorAnswers();
    if (config.upstream.mirrors.length === 0)
      return ok("none is configured: files come by SRC_URI and named URLs only");
    if (answers.length === 0) return unchecked("no door is open to ask them through");
    const bad = answers.filter(({ problem }) => problem !== undefined);
    if (bad.length === 0) return ok(withoutCredentials(`usable: ${config.upstream.mirrors.join(", ")}`));
    const seen = withoutCredentials(bad.map(({ mirror, problem }) => `${mirror}: ${problem}`).join("; "));
    if (bad.length < answers.length) return warn(seen, "take it out of GENTOO_MIRRORS (or upstream.mirrors), or wait");
    return fail(seen, "look at the network, upstream.proxy and GENTOO_MIRRORS (or upstream.mirrors)");
  },
};
