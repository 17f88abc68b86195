import type { SourceKind } from "../core/source.ts";

/** Asked in this order: the LAN costs nobody's line. */
const KINDS: readonly SourceKind[] = ["peer", "upstream"];
/**
 * A source is raced where another kind may be expected to give so many times as
 * much: less is what one line gives that others use.
 */
const FAR_BETTER = 8;
/** What comes within so many milliseconds at the present pace is waited for. */
const SOON_MS = 1000;
/**
 * They are also raced where so many times as much may be expected, and that saves so many milliseconds. From peers, less
 * would win no race (`trial.ts`); upstream's line is others', too, and where all are on one WLAN, what a peer gives crosses
 * the air twice. Beside a growing copy it is not: several downloads of one file over the same slow line help nobody.
 */
const BETTER: Readonly<Record<SourceKind, number>> = { peer: 2, upstream: 4 };
const SAVES_MS = 10_000;

/** What decides whether others are raced against a source. */
export interface RaceFacts {
  /** Bytes a second that the source gives; 0: it is silent. */
  readonly rate: number;
  /** Whether it receives the blob itself: what is slow may be upstream, or the line of all. */
  readonly isGrowing: boolean;
  /** Bytes beyond those here that sources of each kind are known to have. */
  readonly left: Readonly<Record<SourceKind, number>>;
  /** Bytes a second that each kind may be expected to give where it has nothing else to give; 0: nothing. */
  readonly expected: Readonly<Record<SourceKind, number>>;
  /** Transfers under way at this box: they share its lines. */
  readonly transfers: number;
}

/**
 * What kinds of source are raced, from the byte reached, against one that is slow. One that is silent is not slow: it may be
 * waiting for what nobody has yet, and is left after a while anyway.
 */
export function worthRacing({ rate, isGrowing, left, expected, transfers }: RaceFacts): readonly SourceKind[] {
  if (rate === 0) return [];
  return KINDS.filter((kind) => {
    const other = expected[kind] / transfers;
    const leftMs = (1000 * left[kind]) / rate;
    if (other >= FAR_BETTER * rate) return leftMs > SOON_MS;
    if (kind === "upstream" && isGrowing) return false;
    return other >= BETTER[kind] * rate && leftMs - (1000 * left[kind]) / other > SAVES_MS;
  });
}
