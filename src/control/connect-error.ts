import { readFile, stat } from "node:fs/promises";
import { socketName } from "../core/report/agent-sockets.ts";
import { DistswarmError, systemCode } from "../core/errors.ts";

const NOT_RUNNING = ["ENOENT", "ECONNREFUSED", "ENOTDIR"];

/** Turns what a try to connect to a socket of the agent threw into an error that says what to do; its `seen` does not. */
export async function explainConnectError(error: unknown, socketPath: string): Promise<Error> {
  const code = systemCode(error) ?? "";
  if (NOT_RUNNING.includes(code)) {
    const seen = `no agent is running: nobody listens at ${socketPath}`;
    const message = `${seen}. Start it: rc-service distswarm start, systemctl start distswarm, or distswarm agent`;
    return new DistswarmError("AGENT_NOT_RUNNING", message, { cause: error, facts: { seen } });
  }
  if (code === "EACCES" || code === "EPERM") {
    const message = `${socketPath} is not for you: ${await whoMay(socketPath)}`;
    return new DistswarmError("NOT_PERMITTED", message, { cause: error });
  }
  return error instanceof Error ? error : new Error(String(error));
}

/** Names who may connect, as far as that can be seen from here. */
async function whoMay(socketPath: string): Promise<string> {
  if (socketPath.endsWith(`/${socketName("control")}`)) return "only the agent's own user (and root) may steer it";
  const found = await stat(socketPath).catch(() => undefined);
  const group = found === undefined ? undefined : groupName(await readFile("/etc/group", "utf8"), found.gid);
  return group === undefined
    ? "only members of the agent's group may read its status"
    : `only members of the group ${group} may read the agent's status`;
}

/** The name of a group in the text of /etc/group (group(5): `name:password:gid:members`), or its number. */
export function groupName(etcGroup: string, gid: number): string {
  const line = etcGroup.split("\n").find((line) => line.split(":")[2] === String(gid));
  return line?.split(":")[0] ?? String(gid);
}
