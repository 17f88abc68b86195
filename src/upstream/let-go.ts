import type { UpstreamAnswer } from "../core/upstream.ts";

/** Bytes of a body that are worth a connection. */
const SHORT_BODY = 64 * 1024;

/**
 * Lets go of an answer whose body nobody needs. A short one is read to its end, so that its connection can be used
 * again; of another one nothing is read.
 */
export function letGo({ headers, body }: UpstreamAnswer): void {
  if (Number(headers["content-length"] ?? Infinity) <= SHORT_BODY) body.resume();
  else body.destroy();
}
