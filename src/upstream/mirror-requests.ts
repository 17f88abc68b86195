import { DistswarmError, SourceError } from "../core/errors.ts";
import type { Withheld } from "../core/source.ts";
import type { MirrorRequest, UpstreamAnswer } from "../core/upstream.ts";
import { withoutCredentials } from "../core/net/credentials.ts";
import { faultOfStatus } from "./answer.ts";
import type { Candidate } from "./source-order.ts";

/** Sends a request to one candidate. */
export type Send = (candidate: Candidate, request: MirrorRequest) => Promise<UpstreamAnswer>;

/** What is sent, and how. */
export interface Asking {
  readonly send: Send;
  readonly request: MirrorRequest;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Why others are not asked. @default nobody is left out */
  readonly withheld?: () => Promise<readonly Withheld[]>;
}

/**
 * Asks the candidates in turn, until one answers below 400, or 416, by a URL that is not to be avoided.
 *
 * @throws {DistswarmError} `NOT_FOUND` when all answered 404 or 410, or nobody may be asked; `NO_SOURCE` else: the
 * facts say who was asked, whether all that failed only asked to be left alone (`busy`), and `retryAfterMs`.
 */
export async function firstAnswer(
  what: string,
  candidates: AsyncIterable<Candidate>,
  asking: Asking,
): Promise<UpstreamAnswer> {
  const faults: SourceError[] = [];
  for await (const candidate of candidates) {
    const answer = await ask(candidate, asking);
    if (!(answer instanceof SourceError)) return answer;
    faults.push(answer);
  }
  throw nobody(what, faults, (await asking.withheld?.()) ?? []);
}

async function ask(candidate: Candidate, { send, request, now }: Asking): Promise<UpstreamAnswer | SourceError> {
  const url = withoutCredentials(candidate.url);
  if (request.avoid?.includes(url)) return knownWrong(url);
  try {
    const answer = await send(candidate, request);
    const isOfUse = answer.status < 400 || answer.status === 416;
    if (isOfUse && !request.avoid?.includes(answer.url)) return answer;
    answer.body.destroy();
    return isOfUse ? knownWrong(answer.url) : faultOfStatus(answer, 0, now());
  } catch (error) {
    if (error instanceof SourceError && !request.signal.aborted) return error;
    throw error;
  }
}

function knownWrong(url: string): SourceError {
  return new SourceError("WRONG_BYTES", `${url} gave wrong bytes before`);
}

function nobody(what: string, faults: readonly SourceError[], withheld: readonly Withheld[]): DistswarmError {
  const tried = faults.map(({ message }) => message);
  const failed = faults.filter(({ code }) => code !== "ABSENT");
  const left = withheld.map(({ text }) => `; ${text}`).join("");
  const isWithheld = (reason: Withheld["reason"]): boolean => withheld.some((one) => one.reason === reason);
  if (tried.length === 0 && !isWithheld("fetch")) {
    const lacking = isWithheld("mirror") ? "" : ": upstream.mirrors has none that could have it";
    return new DistswarmError("NO_SOURCE", `nobody to ask for ${what}${lacking}${left}`, { facts: { tried } });
  }
  if (failed.length === 0) {
    const why = tried.length === 0 ? `nobody may be asked for ${what}` : `no mirror has ${what}`;
    return new DistswarmError("NOT_FOUND", why + left, { facts: { tried } });
  }
  const busy = failed.every(({ code }) => code === "BUSY");
  const facts = { tried, busy, retryAfterMs: shortestWait(failed) };
  return new DistswarmError("NO_SOURCE", `no mirror could give ${what}: ${tried.join("; ")}${left}`, { facts });
}

function shortestWait(faults: readonly SourceError[]): number | undefined {
  const waits = faults.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
