import type { buildConnector } from "undici";
import { systemCode } from "../core/errors.ts";

/** How long an address of a host is tried before the next one is, in ms: two segments may be lost. The last has no limit. */
const ATTEMPT_MS = 2500;

/** What decides how long Node tries each address of a host; empty for its own 250 ms. */
interface Attempts {
  readonly autoSelectFamilyAttemptTimeout?: number;
}

/**
 * Connects, and once more with time for each address where none of them could be reached in a hurry: of several addresses
 * Node gives each but the last 250 ms, and gives it up then. Where the way is longer, as by satellite or over a line that
 * downloads fill, a server with an address of IPv6 could not be reached from a box without it, as that address comes last.
 */
export async function patiently<T>(connect: (attempts: Attempts) => Promise<T>): Promise<T> {
  try {
    return await connect({});
  } catch (error) {
    if (!wasHurried(error)) throw error;
    return connect({ autoSelectFamilyAttemptTimeout: ATTEMPT_MS });
  }
}

/** The same for undici: `build` makes one of its connectors. */
export function patient(build: (attempts: Attempts) => buildConnector.connector): buildConnector.connector {
  const quick = build({});
  const slow = build({ autoSelectFamilyAttemptTimeout: ATTEMPT_MS });
  return (target, connected) =>
    quick(target, (...result) => {
      if (wasHurried(result[0])) slow(target, connected);
      else connected(...result);
    });
}

/** Whether Node gave an address up before its time: the system itself takes minutes for that. */
function wasHurried(error: unknown): boolean {
  const { cause = error } = error instanceof Error ? error : {};
  return cause instanceof AggregateError && cause.errors.some((one) => systemCode(one) === "ETIMEDOUT");
}
