import { messageOf } from "../../core/errors.ts";
import { ok, warn, type Check } from "../check.ts";

/** The native parts of the swarm run on this platform. */
export const nativeParts: Check = {
  name: "native parts",
  run: async ({ loadSwarm }) => {
    const platform = `${process.platform} ${process.arch}`;
    try {
      await loadSwarm();
      return ok(`the swarm's native parts load on ${platform}`);
    } catch (error) {
      const [why] = messageOf(error).split("\n");
      const seen = `the swarm's native parts do not load on ${platform} (${why}): a cache for this box alone`;
      return warn(seen, "use Node for glibc on x64 or arm64, and install distswarm again");
    }
  },
};
