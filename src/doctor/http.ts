import { once } from "node:events";
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { hostOf, portOf } from "../core/net/host.ts";

/** Whoever has not answered by then does not answer. */
const TIMEOUT_MS = 10_000;

/** An answer over HTTP. */
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Sends a GET or HEAD to a door.
 *
 * @param door `host:port`.
 * @param target A path, or a URL for the forward proxy.
 * @throws what the network says, or that no answer came in time.
 */
export async function askDoor(door: string, target: string, method: "GET" | "HEAD" = "GET"): Promise<Answer> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return send(door, target, { method, signal }).catch((error: unknown) => {
    throw signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : error;
  });
}

async function send(
  door: string,
  target: string,
  { method, signal }: { method: string; signal: AbortSignal },
): Promise<Answer> {
  const at = new URL(`http://${door}`);
  const sent = request({
    host: hostOf(at),
    port: portOf(at),
    path: target,
    method,
    headers: { host: target.startsWith("/") ? at.host : new URL(target).host },
    agent: false,
    signal,
  });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}
