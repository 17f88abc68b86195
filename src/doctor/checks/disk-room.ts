import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { formatSize } from "../../core/units.ts";
import { fail, ok, unchecked, warn, type Check } from "../check.ts";

/** A store with less room than this holds hardly one update of a box. */
const LITTLE_ROOM = 2 * 2 ** 30;

/** The store has room on its file system. */
export const diskRoom: Check = {
  name: "disk room",
  run: async ({ root, config, agent }) => {
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
