import type { GrowingUse } from "../core/source.ts";
import type { Turn } from "../core/claim/turn.ts";

/** What has been asked in this round, in vain so far. */
export interface Asked {
  readonly peers: boolean;
  readonly upstream: boolean;
  readonly lastResort: boolean;
}

/** A round begins. */
export const NOTHING_ASKED: Asked = { peers: false, upstream: false, lastResort: false };

/**
 * What is done next for a blob that is not whole. `peers`: ask those who hold it or are receiving it. `wait`: for news of
 * the box whose turn it is. `upstream`: claim it, and ask the servers outside. `last-resort`: peers once more, with
 * patience. `give-up`: this round has brought what it could.
 */
type Step = "peers" | "wait" | "upstream" | "last-resort" | "give-up";

/**
 * The order of sources: peers, upstream when it is this box's turn, and peers with patience when that has failed. While
 * peers are silent, upstream is asked beside them: then it has been asked when the next step is looked for.
 */
export function nextStep(asked: Asked, turn: Turn): Step {
  if (!asked.peers) return "peers";
  if (turn === "theirs") return "wait";
  if (!asked.upstream) return "upstream";
  return asked.lastResort ? "give-up" : "last-resort";
}

/** How growing copies of other boxes are used. Who asks upstream itself follows nobody: others may wait for its bytes. */
export function growingUse(turn: Turn): GrowingUse {
  if (turn === "alone") return "none";
  return turn === "ours" ? "present" : "follow";
}
