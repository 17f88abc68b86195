import type { GrowingUse } from "../core/source.ts";

/** A flight that follows other boxes and gets no byte for so long goes on its own, whichever they are. */
const IDLE_AT_MOST_MS = 60_000;
/** So often a flight may be given wrong bytes by boxes that follow or were followed; then it goes on its own. */
const MAX_MISLED = 1;
/** The same once so many claims that were followed have failed: the mirrors may be closed to all, one after the other. */
const FAILURES = 2;
const IDLE_AFTER_FAILURES_MS = 10_000;
/** So many boxes may be followed in vain for one blob: a member can invent any number of them. */
const MAX_IN_VAIN = 1;

/** What decides whose turn it is to ask upstream. */
export interface TurnFacts {
  /** This box holds the claim. */
  readonly isOurs: boolean;
  /** Another box holds one that counts now. */
  readonly isTheirs: boolean;
  /** How many of the claims that were followed have failed with all sources of their boxes. */
  readonly failures: number;
  /** How many boxes claimed it and gave nothing, so that their claims count no more. */
  readonly inVain: number;
  /** Milliseconds in which other boxes have been followed since the last byte. */
  readonly idleMs: number;
  /** How often bytes of growing copies turned out wrong. */
  readonly misled: number;
}

/**
 * Whose turn it is to ask upstream. `ours`: this box has claimed it. `theirs`: another has. `open`: nobody has. `alone`:
 * this flight minds no claims and follows nobody, as if it were alone on the LAN.
 */
export type Turn = "ours" | "theirs" | "open" | "alone";

/** Whose turn it is. */
export function turnOf(facts: TurnFacts): Turn {
  const { isOurs, isTheirs, failures, inVain, idleMs, misled } = facts;
  if (misled > MAX_MISLED) return "alone";
  if (isOurs) return "ours";
  if (inVain > MAX_IN_VAIN) return "alone";
  if (!isTheirs) return "open";
  return idleMs > (failures < FAILURES ? IDLE_AT_MOST_MS : IDLE_AFTER_FAILURES_MS) ? "alone" : "theirs";
}

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
export type Step = "peers" | "wait" | "upstream" | "last-resort" | "give-up";

/**
 * The order of sources: peers, upstream when it is this box's turn, and peers with patience when that has failed. While peers
 * are silent, upstream is asked beside them: then it has been asked when the next step is looked for.
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
