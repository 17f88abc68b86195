import type { Attempt } from "../core/report/attempt.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { DistswarmError } from "../core/errors.ts";
import type { Withheld } from "../core/source.ts";

/**
 * What a retrieval without success means, from what its sources answered. `NOT_FOUND`: every one said that it has no such
 * file, or nobody may be asked, so we know. `NO_SOURCE`: something failed, so we do not; its facts hold `busy` when all that
 * failed only asked to be left alone, and `retryAfterMs`. `withheld`: why others were not asked.
 */
export function failureOf(
  want: Want,
  tried: readonly Attempt[],
  { withheld = [], retryAfterMs }: { withheld?: readonly Withheld[]; retryAfterMs?: number | undefined } = {},
): DistswarmError {
  const name = nameOf(want);
  const attempts = tried.filter(({ growing }) => !growing); // who waited for it as we did knows nothing
  const failed = attempts.filter((attempt) => attempt.outcome !== "ABSENT" && attempt.outcome !== "ok");
  const left = withheld.map(({ text }) => `; ${text}`).join("");
  const mayAskNobody = withheld.some(({ reason }) => reason === "fetch");
  if (failed.length === 0 && (attempts.length > 0 || want.names.length === 0 || mayAskNobody)) {
    return new DistswarmError("NOT_FOUND", `nobody has ${name}${triedText(attempts)}${left}`, { facts: { attempts } });
  }
  if (attempts.length === 0) {
    const lacking = "no peer has it, and there is no mirror or SRC_URI to ask";
    return new DistswarmError("NO_SOURCE", `no source for ${name}: ${lacking}${left}`);
  }
  const busy = failed.every((attempt) => attempt.outcome === "BUSY");
  return new DistswarmError("NO_SOURCE", `no source gave ${name}${triedText(attempts)}${left}`, {
    facts: { attempts, busy, retryAfterMs },
  });
}

function triedText(attempts: readonly Attempt[]): string {
  if (attempts.length === 0) return "";
  const tried = attempts.map(attemptText);
  return `; tried: ${[...new Set(tried)].join(", ")}`;
}

/** What one source did, in words; most faults name their source themselves, a box by its name alone. */
function attemptText({ source, outcome, detail = outcome }: Attempt): string {
  const [name] = source.split(" ", 1);
  return detail.startsWith(`${name}:`) || detail.startsWith(`${name} `) ? detail : `${source} ${detail}`;
}
