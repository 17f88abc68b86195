import { agentsIn } from "../core/net/agent-names.ts";
import { SourceError } from "../core/errors.ts";
import type { UpstreamAnswer } from "../core/upstream.ts";
import { valuesOf } from "../core/net/header-fields.ts";

/** What an agent answers that is asked for what it waits for itself (RFC 5842, 7.2). */
const LOOP_DETECTED = 508;

/**
 * Lets go of an answer that only says that its server waits here for what it is asked for: that is no fault of its own.
 * It can be so where `headers`, those of the request, name another agent in `Via`; else 508 is a status like any other.
 *
 * @throws {SourceError} `LOOP`.
 */
export function refuseLoop(answer: UpstreamAnswer, headers: readonly string[]): void {
  const isNamed = valuesOf(headers, "via").some((via) => agentsIn(via).length > 0);
  if (answer.status !== LOOP_DETECTED || !isNamed) return;
  answer.body.destroy();
  throw new SourceError("LOOP", `${answer.url} answered 508: it waits here for the file itself`, {
    status: LOOP_DETECTED,
  });
}
