import { hasCode } from "../../core/errors.ts";
import { formatSeconds } from "../../core/text/units.ts";
import { VERSION } from "../../core/version.ts";
import { fail, ok, warn, type Check } from "../check.ts";

const START = "rc-service distswarm start, or systemctl start distswarm; its log says why it ended";
const RESTART = "rc-service distswarm restart, or systemctl restart distswarm";

function mendOf(error: Error): string {
  if (hasCode(error, "NOT_PERMITTED")) return "run distswarm doctor as root";
  return hasCode(error, "AGENT_NOT_RUNNING") && error.facts["hangs"] === true ? RESTART : START;
}

/** What was seen, without the mend that the error names as well. */
function seenOf(error: Error): string {
  const seen = hasCode(error, "AGENT_NOT_RUNNING") ? error.facts["seen"] : undefined;
  return typeof seen === "string" ? seen : error.message;
}

/** The agent runs, and it is the one that is installed. */
export const agent: Check = {
  name: "agent",
  run: async ({ agent }) => {
    if ("error" in agent) return fail(seenOf(agent.error), mendOf(agent.error));
    const { version, uptime_seconds, config_file: file } = agent.status;
    const config = file === undefined ? "" : `, ${file === null ? "no config file" : `config file ${file}`}`;
    const seen = `version ${version}, up ${formatSeconds(uptime_seconds)}${config}`;
    return version === VERSION ? ok(seen) : warn(`${seen}, but version ${VERSION} is installed`, RESTART);
  },
};
