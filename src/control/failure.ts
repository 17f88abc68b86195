import { DistswarmError, messageOf, type ErrorCode } from "../core/errors.ts";

/** An error as it goes over a socket: the whole answer, or the last line of a stream. */
interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

/** `INTERNAL`: it is none of our errors, so it is a fault in the agent; its log has the rest. */
export function toFailure(error: unknown): Failure {
  if (error instanceof DistswarmError) return { error: { code: error.code, message: error.message } };
  const [first = ""] = messageOf(error).split("\n");
  return { error: { code: "INTERNAL", message: `the agent failed: ${first} (its log says more)` } };
}

/** The error that a value read from a socket stands for; undefined when it is an answer. */
export function fromFailure(value: unknown): Error | undefined {
  const { error } = (value ?? {}) as Partial<Failure>;
  if (error === undefined) return undefined;
  return new DistswarmError(error.code as ErrorCode, error.message);
}
