import type { Attempt } from "../core/agent-api.ts";
import type { Want } from "../core/distfile.ts";
import { DistswarmError } from "../core/errors.ts";

/**
 * What a retrieval without success means, from what its sources answered. `NOT_FOUND`: every one said that it has no such
 * file, so we know. `NO_SOURCE`: something failed, so we do not; its facts hold `busy` when all that failed only asked to
 * be left alone, and `retryAfterMs`.
 */
export function failureOf(want: Want, tried: readonly Attempt[], retryAfterMs?: number): DistswarmError {
  const name = want.names[0] ?? want.digest;
  const attempts = tried.filter(({ growing }) => !growing); // who waited for it as we did knows nothing
  const failed = attempts.filter((attempt) => attempt.outcome !== "ABSENT" && attempt.outcome !== "ok");
  if (failed.length === 0 && (attempts.length > 0 || want.names.length === 0)) {
    return new DistswarmError("NOT_FOUND", `nobody has ${name}${triedText(attempts)}`, { facts: { attempts } });
  }
  if (attempts.length === 0) {
    return new DistswarmError("NO_SOURCE", `no source for ${name}: no peer has it, and no mirror or SRC_URI is known`);
  }
  const busy = failed.every((attempt) => attempt.outcome === "BUSY");
  return new DistswarmError("NO_SOURCE", `no source gave ${name}${triedText(attempts)}`, {
    facts: { attempts, busy, retryAfterMs },
  });
}

function triedText(attempts: readonly Attempt[]): string {
  if (attempts.length === 0) return "";
  const tried = attempts.map(attemptText);
  return `; tried: ${[...new Set(tried)].join(", ")}`;
}

/** What one source did, in words; most faults name their source themselves. */
function attemptText({ source, outcome, detail = outcome }: Attempt): string {
  return detail.startsWith(source) ? detail : `${source} ${detail}`;
}
