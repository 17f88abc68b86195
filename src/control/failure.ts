import { DistswarmError, messageOf, type ErrorCode } from "../core/errors.ts";

/** An error as it goes over a socket: the whole answer, or the last line of a stream. */
export interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

/** `INTERNAL`: it is none of our errors, so it is a fault in the agent. */
export function toFailure(error: unknown): Failure {
  const code = error instanceof DistswarmError ? error.code : "INTERNAL";
  return { error: { code, message: messageOf(error) } };
}

/** The error that a value read from a socket stands for; undefined when it is an answer. */
export function fromFailure(value: unknown): Error | undefined {
  const { error } = (value ?? {}) as Partial<Failure>;
  if (error === undefined) return undefined;
  if (error.code === "INTERNAL") return new Error(`the agent failed: ${error.message}`);
  return new DistswarmError(error.code as ErrorCode, error.message);
}
