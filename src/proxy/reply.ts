import type { IncomingMessage, ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** A request with its answer, and a signal that aborts when the client leaves before the answer is complete. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client's connection: the request forgets it once its body was piped on to the end. */
  readonly socket: Socket;
  readonly signal: AbortSignal;
}

/** An answer of ours in one plain line. */
export interface PlainAnswer {
  readonly status: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string | number>>;
}

/** Sends one plain line; nothing if the answer has begun. */
export function sendPlain({ request, response }: Exchange, answer: PlainAnswer): void {
  if (response.headersSent) return void response.destroy();
  const body = `${answer.status} ${STATUS_CODES[answer.status] ?? ""}: ${answer.message}\n`;
  response.writeHead(answer.status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    ...answer.headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/**
 * Sends bytes with back-pressure; stops when the client has left. Does not end the answer. `given` is told how many
 * leave, each time some do.
 */
export async function sendBytes(
  { response, signal }: Exchange,
  bytes: AsyncIterable<Uint8Array>,
  given?: (bytes: number) => void,
): Promise<void> {
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    given?.(chunk.length);
    if (!response.write(chunk)) await drained(response, signal);
  }
}

/**
 * Ends an answer; resolves when its last byte was given to the system, so that its buffers are free, or the client has
 * left.
 */
export function endAnswer({ response, signal }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || signal.aborted) return resolve();
    response.once("finish", resolve).once("close", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true }); // queued behind another one, it has no `close`
    response.end();
  });
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      response.off("drain", settle);
      signal.removeEventListener("abort", settle);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    if (signal.aborted) return settle();
    response.on("drain", settle);
    signal.addEventListener("abort", settle);
  });
}
