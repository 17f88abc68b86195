/** A flight that follows other boxes and gets no byte for so long goes on its own, whichever they are. */
const IDLE_AT_MOST_MS = 60_000;
/** The same once more than so many claims were followed in vain: the next ones may be, too. */
const MAX_IN_VAIN = 1;
const IDLE_IN_VAIN_MS = 10_000;
/** So often a flight may be given wrong bytes by boxes that follow or were followed; then it goes on its own. */
const MAX_MISLED = 1;

/** What decides whose turn it is to ask upstream. */
export interface TurnFacts {
  /** This box holds the claim. */
  readonly isOurs: boolean;
  /** Another box holds one that counts now. */
  readonly isTheirs: boolean;
  /** Agents wait here that have this box as a mirror: the other one may be one of them. */
  readonly isAwaited: boolean;
  /** How many claims were followed in vain: all sources of their boxes failed, or these give nothing of what they claim. */
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
  const { isOurs, isTheirs, isAwaited, inVain, idleMs, misled } = facts;
  if (misled > MAX_MISLED) return "alone";
  if (isOurs) return "ours";
  if (!isTheirs) return "open";
  if (isAwaited) return "alone";
  return idleMs > (inVain > MAX_IN_VAIN ? IDLE_IN_VAIN_MS : IDLE_AT_MOST_MS) ? "alone" : "theirs";
}
