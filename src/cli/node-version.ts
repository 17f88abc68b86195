import { DistswarmError } from "../core/errors.ts";
import { OLDEST_NODE } from "../core/version.ts";

/**
 * An older Node lacks what the agent imports, and says no more than that.
 *
 * @throws {DistswarmError} `NODE_TOO_OLD` with the mend.
 */
export function requireNode(): void {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  const mend = "emerge --ask --update net-libs/nodejs";
  const message = `${process.execPath} is Node ${node}, but distswarm needs ${OLDEST_NODE} or newer: ${mend}`;
  throw new DistswarmError("NODE_TOO_OLD", message);
}
