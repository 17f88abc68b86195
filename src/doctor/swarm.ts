import { z } from "zod";
import type { PeerStatus, Status } from "../core/agent-api.ts";

/** What else than its peers the status may say of the swarm. */
const extraSchema = z.object({
  /** Why there is no swarm. */
  problem: z.string().optional().catch(undefined),
  /** Hosts that found this box's TCP port open, and closed. */
  port: z
    .object({ open: z.array(z.string()), closed: z.array(z.string()) })
    .optional()
    .catch(undefined),
  /** What came of `swarm.peers`. */
  static: z.array(z.object({ address: z.string(), problem: z.string().optional() })).catch([]),
  last_rejected: z.record(z.string(), z.object({ at: z.string(), address: z.string().optional() })).catch({}),
});

/** The swarm as the status shows it. */
export interface SwarmView extends z.output<typeof extraSchema> {
  readonly peers: readonly PeerStatus[];
}

/** Reads the swarm's part of a status, also of an agent that says less. */
export function swarmOf({ swarm }: Status): SwarmView {
  return { ...extraSchema.parse(swarm), peers: swarm.peers };
}
