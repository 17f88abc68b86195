import { listed } from "../../core/text/words.ts";
import { messageOf } from "../../core/errors.ts";
import { AGENT_NEEDED, fail, ok, type Check, type Finding } from "../check.ts";
import { askDoor } from "../http.ts";

/** What tells the agent's own layout.conf from that of any other mirror. */
const OWN_LAYOUT = "content-hash BLAKE2B";

/** Each door lets this box in, and it is the agent that answers. */
export const doors: Check = {
  name: "doors",
  run: async ({ agent }) => {
    if (!("status" in agent)) return AGENT_NEEDED;
    const { listen } = agent.status.proxy;
    if (listen.length === 0) return fail("no door is open", "proxy.listen in /etc/distswarm.toml must name an address");
    const findings = await Promise.all(listen.map(knock));
    return (
      findings.find(({ verdict }) => verdict !== "ok") ??
      ok(`${listed(listen)} ${listen.length === 1 ? "answers" : "answer"}`)
    );
  },
};

async function knock(door: string): Promise<Finding> {
  try {
    const { status, body } = await askDoor(door, "/distfiles/layout.conf");
    if (status === 403) return fail(`${door} does not let this box in`, "add its address to proxy.allow");
    if (body.includes(OWN_LAYOUT)) return ok(door);
    return fail(
      `${door} answers ${status}, not as a door of distswarm does`,
      "change proxy.listen: the port is another's",
    );
  } catch (error) {
    return fail(`${door} does not answer: ${messageOf(error)}`, "let the firewall pass this port on loopback");
  }
}
