import { fail, ok, warn, type Check } from "../check.ts";
import { pointersOf } from "../pointers.ts";

const SETUP = "distswarm setup --write";

/** Portage asks the agent. */
export const pointing: Check = {
  name: "portage",
  run: async (context) => {
    const { local, mirror, proxy } = pointersOf(context);
    const ways = [local && "/etc/portage/mirrors", mirror && "GENTOO_MIRRORS", proxy && "http_proxy"].filter(Boolean);
    if (ways.length === 0) return fail("Portage does not ask this agent", SETUP);
    const seen = `Portage asks this agent by ${ways.join(", ")}`;
    if (local || mirror) return ok(seen);
    return warn(`${seen} alone: what is https, or may not be mirrored, goes around it`, SETUP);
  },
};
