import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { formatDuration } from "../../core/text/units.ts";
import { AGENT_NEEDED, fail, ok, warn, type Check, type Finding } from "../check.ts";
import type { Context } from "../context.ts";

const DAY_MS = 24 * 3_600_000;
/** An older tree names distfiles that mirrors begin to drop. */
const OLD_AFTER_MS = 14 * DAY_MS;
const SYNC = "emerge --sync";

/** The ebuild repositories are there, indexed and fresh. */
export const tree: Check = {
  name: "tree",
  run: async (context) => {
    const { agent } = context;
    if (!("status" in agent)) return AGENT_NEEDED;
    const { repos, ready, distfiles } = agent.status.index;
    if (repos.length === 0) return fail("no ebuild repository is known", "name them in repos.conf or portage.repos");
    if (!ready) return warn("the Manifests are still being read", "ask again in a minute");
    if (distfiles === 0) return fail(`no distfile is named in ${repos.join(", ")}`, `${SYNC}; the agent must read it`);
    return freshness(
      context,
      `${distfiles} distfiles of ${repos.length === 1 ? repos[0] : `${repos.length} repositories`}`,
      repos,
    );
  },
};

async function freshness({ root, now }: Context, known: string, repos: readonly string[]): Promise<Finding> {
  const times = await Promise.all(repos.map((repo) => treeTime(root, repo)));
  const ages = times.flatMap((time) => (time === undefined ? [] : [now - time]));
  if (ages.length === 0) return ok(known);
  const oldest = Math.max(...ages);
  const seen = `${known}, the oldest made ${formatDuration(Math.max(0, oldest))} ago`;
  return oldest > OLD_AFTER_MS ? warn(seen, SYNC) : ok(seen);
}

/** When a repository was made, in milliseconds since 1970; undefined for those that do not say (overlays). */
export async function treeTime(root: string, repo: string): Promise<number | undefined> {
  const text = await readFile(join(root, repo, "metadata/timestamp.chk"), "utf8").catch(() => "");
  const time = Date.parse(text.trim());
  return Number.isNaN(time) ? undefined : time;
}
