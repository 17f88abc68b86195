import { systemCode } from "../errors.ts";

/**
 * What the system says where a box has no address, no route or no name server, or cannot even reach its own router: a cable
 * that is out, a WLAN that it has just left.
 */
const NO_WAY_OUT = new Set(["ENETUNREACH", "ENETDOWN", "EADDRNOTAVAIL", "EHOSTUNREACH", "EAI_AGAIN"]);

/** Whether an error, or what caused it, is that of a box without a network rather than that of whom it asked. */
export function hasNoWayOut(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (NO_WAY_OUT.has(systemCode(error) ?? "")) return true;
  if (error instanceof AggregateError) return error.errors.some(hasNoWayOut); // one for each address that was tried
  return hasNoWayOut(error.cause);
}
