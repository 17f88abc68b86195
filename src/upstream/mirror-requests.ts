import { DistswarmError, SourceError } from "../core/errors.ts";
import type { MirrorRequest, UpstreamAnswer } from "../core/upstream.ts";
import type { Candidate } from "./source-order.ts";

/** Sends a request to one candidate. */
export type Send = (candidate: Candidate, request: MirrorRequest) => Promise<UpstreamAnswer>;

const ABSENT = new Set([404, 410]);

/**
 * Asks the candidates in turn, until one answers below 400, or 416, by a URL that is not to be avoided.
 *
 * @throws {DistswarmError} `NOT_FOUND` when all answered 404 or 410; `NO_SOURCE` else; the facts say who was asked.
 */
export async function firstAnswer(
  what: string,
  candidates: AsyncIterable<Candidate>,
  { send, request }: { send: Send; request: MirrorRequest },
): Promise<UpstreamAnswer> {
  const tried: string[] = [];
  let absent = true;
  for await (const candidate of candidates) {
    const answer = await ask(candidate, { send, request });
    if (answer instanceof SourceError) {
      tried.push(answer.message);
      absent = false;
    } else if (answer.status < 400 || answer.status === 416) {
      return answer;
    } else {
      answer.body.destroy();
      tried.push(`${answer.url} answered ${answer.status}`);
      absent &&= ABSENT.has(answer.status);
    }
  }
  throw nobody(what, tried, absent);
}

async function ask(
  candidate: Candidate,
  { send, request }: { send: Send; request: MirrorRequest },
): Promise<UpstreamAnswer | SourceError> {
  if (request.avoid?.includes(candidate.url)) return knownWrong(candidate.url);
  try {
    const answer = await send(candidate, request);
    if (!request.avoid?.includes(answer.url)) return answer;
    answer.body.destroy();
    return knownWrong(answer.url);
  } catch (error) {
    if (error instanceof SourceError && !request.signal.aborted) return error;
    throw error;
  }
}

function knownWrong(url: string): SourceError {
  return new SourceError("WRONG_BYTES", `${url} gave wrong bytes before`);
}

function nobody(what: string, tried: readonly string[], absent: boolean): DistswarmError {
  if (tried.length === 0) {
    const advice = "upstream.mirrors is empty, or none of them goes by name";
    return new DistswarmError("NO_SOURCE", `no mirror to ask for ${what}: ${advice}`, { facts: { tried } });
  }
  if (absent) return new DistswarmError("NOT_FOUND", `no mirror has ${what}`, { facts: { tried } });
  return new DistswarmError("NO_SOURCE", `no mirror could give ${what}: ${tried.join("; ")}`, { facts: { tried } });
}
