import { withoutCredentials } from "../../core/net/credentials.ts";
import { namesClock } from "../../core/text/clock-words.ts";
import { formatDuration } from "../../core/text/units.ts";
import { CLOCK_MEND, fail, ok, unchecked, warn, type Check, type Finding } from "../check.ts";
import { treeTime } from "./tree.ts";

/** Signatures and certificates tolerate this much. */
const TOLERANCE_MS = 10 * 60_000;

/** The clock is right, as far as mirrors and the tree can tell. */
export const clock: Check = {
  name: "clock",
  run: async ({ root, config, now, mirrorAnswers }) => {
    const answers = await mirrorAnswers();
    const times = answers.flatMap(({ mirror, time }) => (time === undefined ? [] : [{ mirror, time }]));
    const [nearest] = times.sort((a, b) => Math.abs(a.time - now) - Math.abs(b.time - now));
    if (nearest !== undefined) return compare(now - nearest.time, nearest.mirror);
    const trees = await Promise.all(config.portage.repos.map((repo) => treeTime(root, repo)));
    const newest = Math.max(...trees.map((time) => time ?? 0));
    if (newest > now + TOLERANCE_MS) return fail("it is earlier here than when the tree was made", CLOCK_MEND);
    const refused = answers.find(({ problem = "" }) => namesClock(problem)); // https tells no time where the clock is wrong
    if (refused?.problem !== undefined) return warn(refused.problem, `where that is wrong, ${CLOCK_MEND}`);
    return unchecked("no mirror told the time");
  },
};

function compare(offset: number, mirror: string): Finding {
  const off = Math.abs(offset);
  if (off <= TOLERANCE_MS) return ok(`the time is that of ${withoutCredentials(mirror)}`);
  return fail(`${formatDuration(off)} ${offset > 0 ? "ahead of" : "behind"} ${withoutCredentials(mirror)}`, CLOCK_MEND);
}
