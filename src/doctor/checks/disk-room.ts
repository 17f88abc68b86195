import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { formatSize } from "../../core/text/units.ts";
import { fail, ok, unchecked, warn, type Check } from "../check.ts";

/** A store with less room than this holds hardly one update of a box. */
const LITTLE_ROOM = 2 * 2 ** 30;

/** Between what is wrong with the store and the mend, in the agent's words: the system's error (store/disk.ts). */
const BEFORE_MEND = /(?<=\)): /;

/** The store can be written, and has room on its file system. */
export const diskRoom: Check = {
  name: "disk room",
  run: async ({ root, config, agent }) => {
    const problem = "status" in agent ? agent.status.store.problem : undefined;
    if (problem !== undefined) {
      const [seen = problem, mend = "see that store.dir is on a working disk"] = problem.split(BEFORE_MEND);
      return fail(seen, `${mend}; the next file that is kept, or a restart, shows whether that helped`);
    }
    const { dir, max_size, min_free } = config.store;
    const found = await statfs(join(root, dir)).catch(() => undefined);
    if (found === undefined) return unchecked(`${dir} is not there before the agent's first start`);
    const held = "status" in agent ? agent.status.store.bytes : 0;
    const free = found.bavail * found.bsize;
    const room = Math.min(max_size, Math.max(0, held + free - min_free));
    const seen = `${formatSize(free)} free at ${dir}, so the store may take ${formatSize(room)} in all`;
    const mend = `free some of it, lower store.min_free (${formatSize(min_free)}), or move store.dir`;
    if (room === 0) return fail(seen, mend);
    return room < Math.min(LITTLE_ROOM, max_size) ? warn(seen, mend) : ok(seen);
  },
};
