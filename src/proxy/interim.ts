import { agentsIn } from "../core/net/agent-names.ts";
import { interimPace } from "./interim-pace.ts";
import type { Exchange } from "./reply.ts";

/**
 * Runs `work` while the client is kept patient: each `100 Continue` starts the clock anew that it holds against silence.
 * Nothing is sent to HTTP/1.0, which knows no interim answers, nor to another agent, whose undici takes 100 for an
 * error.
 */
export async function withInterimAnswers<T>({ request, response }: Exchange, work: Promise<T>): Promise<T> {
  if (request.httpVersion !== "1.1" || agentsIn(request.headers.via).length > 0) return work;
  const { everyMs, atMost } = interimPace(request.headers);
  let left = atMost;
  const timer = setInterval(() => {
    if (left > 0 && !response.headersSent && !response.destroyed) response.writeContinue();
    left -= 1;
  }, everyMs);
  return work.finally(() => clearInterval(timer));
}
