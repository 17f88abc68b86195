import { randomBytes } from "node:crypto";

const AGENT_NAME = /\bdistswarm-[0-9a-f]{8}\b/g;

/**
 * A name for an agent in `Via` fields (RFC 9110, 7.6.3); another one at each start, so that it tells nobody which box
 * it is.
 */
export function newAgentName(): string {
  return `distswarm-${randomBytes(4).toString("hex")}`;
}

/** The `Via` value for a message that has come through agents with these names (RFC 9110, 7.6.3). */
export function viaOf(...names: readonly string[]): string {
  return names.map((name) => `1.1 ${name}`).join(", ");
}

/** The agents that a message has come through, by its `Via`, each once. */
export function agentsIn(via: string | undefined): string[] {
  return [...new Set(via?.match(AGENT_NAME))];
}
