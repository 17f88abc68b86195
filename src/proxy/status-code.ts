import { DistswarmError, messageOf, type ErrorCode } from "../core/errors.ts";
import type { PlainAnswer } from "./reply.ts";

/**
 * Error -> status for clients. Never 504: wget tries that three times. 404 only where the agent knows that nobody has
 * it. What is not listed is 502: the way to the bytes failed.
 */
const STATUS: Partial<Record<ErrorCode, number>> = {
  INVALID_REQUEST: 400,
  INVALID_DIGEST: 400,
  NOT_PERMITTED: 403,
  NOT_FOUND: 404,
  ABSENT: 404,
  INDEX_NOT_READY: 503,
  BUSY: 503,
  LOOP: 508,
};

/** Seconds after which to ask again, where the source did not say. */
const RETRY_AFTER_SECONDS = 5;

/** What a client is told of an error. */
export function answerFor(error: unknown): PlainAnswer {
  const headers = { "Cache-Status": "distswarm; fwd=miss" };
  const message = messageOf(error);
  if (!(error instanceof DistswarmError)) return { status: 500, message, headers };
  const status = statusOf(error);
  if (status !== 503) return { status, message, headers };
  return { status, message, headers: { ...headers, "Retry-After": retryAfterSeconds(error) } };
}

function statusOf({ code, facts }: DistswarmError): number {
  if (code === "NO_SOURCE" && facts["busy"] === true) return 503;
  return STATUS[code] ?? 502;
}

function retryAfterSeconds({ facts }: DistswarmError): number {
  const ms = facts["retryAfterMs"];
  return typeof ms === "number" ? Math.ceil(ms / 1000) : RETRY_AFTER_SECONDS;
}
