import type { Attempt } from "../core/report/attempt.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { formatDuration, formatSize } from "../core/text/units.ts";
import { about } from "../core/text/words.ts";

/** A flight that has ended. */
interface Ended {
  readonly want: Want;
  readonly attempts: readonly Attempt[];
}

/** Logs that a flight brought right bytes: how many, in how many milliseconds, and from whom. */
export function tellVerified(log: Logger, flight: Ended, { ms, from }: { ms: number; from: string }): void {
  const size = formatSize(flight.want.size);
  log.info(factsOf(flight), `${nameOf(flight.want)}: ${size} in ${formatDuration(ms)} from ${from}`);
}

/** Logs why a flight failed, or that its bytes were wrong. */
export function tellFailed(log: Logger, flight: Ended, error: unknown): void {
  log.warn(factsOf(flight), about(nameOf(flight.want), messageOf(error)));
}

function factsOf({ want, attempts }: Ended): { digest: string; attempts: number } {
  return { digest: want.digest, attempts: attempts.length };
}
