import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AGENT_NEEDED, ok, unchecked, type Check } from "../check.ts";

/** Which repositories tell where their files come from; those without an md5-cache are not at fault, but it shows. */
export const srcUri: Check = {
  name: "SRC_URI",
  run: async ({ agent, root }) => {
    if (!("status" in agent)) return AGENT_NEEDED;
    const { repos } = agent.status.index;
    if (repos.length === 0) return unchecked("no ebuild repository is known");
    const has = await Promise.all(repos.map((repo) => hasCache(join(root, repo))));
    const without = repos.filter((_, at) => !has[at]);
    if (without.length === 0) return ok("known of every repository: what mirrors lack is fetched from there");
    const reached = "files of its ebuilds come from mirrors, and by URLs that go through the proxy";
    return ok(`not known of ${without.join(", ")} (no metadata/md5-cache): ${reached}`);
  },
};

async function hasCache(repo: string): Promise<boolean> {
  return stat(join(repo, "metadata/md5-cache")).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
