import { agentsIn } from "../core/agent-names.ts";
import type { Exchange } from "./reply.ts";

/**
 * Milliseconds between interim answers. wget gives up after 60 s of silence (`-T 60`), and each `100 Continue` starts
 * its clock anew: so bytes can wait for their digest.
 */
const INTERVAL_MS = 10_000;

/** The same for a client that asks for a range: far into a file it waits often, and where others answer at once. */
const RANGE_INTERVAL_MS = 3000;

/**
 * Runs `work` while the client is kept patient. Nothing is sent to HTTP/1.0, which knows no interim answers, nor to
 * another agent, whose undici takes 100 for an error.
 */
export async function withInterimAnswers<T>({ request, response }: Exchange, work: Promise<T>): Promise<T> {
  if (request.httpVersion !== "1.1" || agentsIn(request.headers.via).length > 0) return work;
  const intervalMs = request.headers.range === undefined ? INTERVAL_MS : RANGE_INTERVAL_MS;
  const timer = setInterval(() => {
    if (!response.headersSent && !response.destroyed) response.writeContinue();
  }, intervalMs);
  return work.finally(() => clearInterval(timer));
}
