import { systemCode } from "../../core/errors.ts";
import { fail, ok, unchecked, warn, type Check } from "../check.ts";
import { agentReader, barrier } from "../reader.ts";

/** The agent may read what Portage has fetched by itself. */
export const distdir: Check = {
  name: "DISTDIR",
  run: async (context) => {
    const path = context.config.portage.distdir;
    if (path === null) return ok("none is shared");
    const reader = await agentReader(context);
    if (reader === undefined) return unchecked("there is no user distswarm, and no agent runs");
    try {
      const bar = await barrier(context.root, path, reader);
      if (bar === undefined) return ok(`${path} can be read`);
      const mend = "usermod --append --groups portage distswarm, then restart the agent";
      return fail(`the user that the agent runs as may not read ${bar}`, mend);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
      return warn(`${path} is not there`, "set DISTDIR in make.conf, or portage.distdir to what it is");
    }
  },
};
