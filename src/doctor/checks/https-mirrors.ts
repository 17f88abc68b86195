import { withoutCredentials } from "../../core/net/credentials.ts";
import { gentooMirrors } from "../../portage/mirrors.ts";
import { ok, warn, type Check } from "../check.ts";
import { leadsHere, pointersOf } from "../pointers.ts";

/** No https mirror is asked before the agent. */
export const httpsMirrors: Check = {
  name: "https mirrors",
  run: async (context) => {
    const { local } = pointersOf(context);
    const words = gentooMirrors(context.variables);
    const agent = words.findIndex(leadsHere(context));
    const before = agent === -1 ? words : words.slice(0, agent);
    const secure = before.filter((word) => word.startsWith("https:"));
    if (local || secure.length === 0) return ok("no https mirror is asked before the agent");
    const seen = `Portage asks ${withoutCredentials(secure.join(", "))} itself: https does not pass http_proxy`;
    return warn(seen, "distswarm setup --write makes the agent the first mirror, and it asks them in its turn");
  },
};
