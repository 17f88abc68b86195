import { DistswarmError, messageOf, systemCode } from "../errors.ts";

/**
 * The error for a port of `swarm.listen` at which this box cannot listen: `ADDRESS_IN_USE`, with the mend.
 *
 * @param port protocol, address and number: `UDP 0.0.0.0:8481`.
 */
export function swarmPortError(port: string, cause: unknown): DistswarmError {
  const isTaken = systemCode(cause) === "EADDRINUSE";
  const what = isTaken ? "is taken by another program: stop it, or name another port" : messageOf(cause);
  return new DistswarmError("ADDRESS_IN_USE", `swarm.listen: ${port} ${what}`, { cause });
}
