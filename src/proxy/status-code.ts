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
  const status = statusOf(error);
  const headers = { "Cache-Status": "distswarm; fwd=miss" };
  if (status !== 503) return { status, message: messageOf(error), headers };
  return { status, message: messageOf(error), headers: { ...headers, "Retry-After": retryAfterSeconds(error) } };
}

function statusOf(error: unknown): number {
  if (!(error instanceof DistswarmError)) return 500;
  if (error.code === "NO_SOURCE" && error.facts["busy"] === true) return 503;
  return STATUS[error.code as ErrorCode] ?? 502;
}

function retryAfterSeconds(error: unknown): number {
  const ms = error instanceof DistswarmError ? error.facts["retryAfterMs"] : undefined;
  return typeof ms === "number" ? Math.ceil(ms / 1000) : RETRY_AFTER_SECONDS;
}
