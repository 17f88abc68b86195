import type { GrowingUse } from "../core/source.ts";

/**
 * A flight that follows another box and gets no byte for so long, while that box gets on, goes on its own. Longer than a
 * claim is silent before another box takes over: that is the way when the other does not get on.
 */
const STUCK_MS = 8000;
/** The same whatever that box has, and whichever boxes take turns: it may get on slowly, or only say that it does. */
const STUCK_AT_MOST_MS = 60_000;
/** So often a flight may be given wrong bytes by boxes that follow or were followed; then it goes on its own. */
const MAX_MISLED = 1;

/** What decides whose turn it is to ask upstream. */
export interface TurnFacts {
  /** This box holds the claim. */
  readonly isOurs: boolean;
  /** The claim of another box that counts now. */
  readonly rival: { readonly received: number } | undefined;
  /** The box that was followed has failed with all its sources. */
  readonly hasRivalFailed: boolean;
  /** Bytes that are here. */
  readonly received: number;
  /** Milliseconds since the last byte came, or since this rival is followed. */
  readonly stuckMs: number;
  /** Milliseconds since the last byte came, or since the first rival after it was followed. */
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
  const { isOurs, rival, hasRivalFailed, received, stuckMs, idleMs, misled } = facts;
  if (misled > MAX_MISLED) return "alone";
  if (isOurs) return "ours";
  if (hasRivalFailed) return "alone";
  if (rival === undefined) return "open";
  const isStuck = idleMs > STUCK_AT_MOST_MS || (rival.received > received && stuckMs > STUCK_MS);
  return isStuck ? "alone" : "theirs";
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
