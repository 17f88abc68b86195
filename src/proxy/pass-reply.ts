import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { UpstreamAnswer } from "../core/upstream.ts";
import { endToEnd } from "./end-to-end.ts";
import { sendBytes, type Exchange } from "./reply.ts";

/** Sends the headers alone, and byte for byte: `flushHeaders` takes a character above 127 for two. */
const NO_BYTES = Buffer.alloc(0);

/** What a field may be called (RFC 9110, 5.6.2), and what Node's HTTP refuses to send in one. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/g;

/**
 * Hands an upstream's answer on as it came. A body that breaks off breaks off here too: the error is thrown, the caller
 * destroys the connection. Resolves with the bytes sent.
 */
export async function sendAnswer(
  exchange: Exchange,
  answer: UpstreamAnswer,
  options: { via: string; tap?: Tap | undefined },
): Promise<number> {
  const { response, request } = exchange;
  response.writeHead(answer.status, responseHeaders(answer.headers, options.via));
  let sent = 0;
  if (request.method !== "HEAD") {
    if (answer.body.readableLength === 0) response.write(NO_BYTES); // the headers now: the body may take its time
    await sendBytes(
      exchange,
      counted(answer.body, options.tap, (bytes) => (sent += bytes)),
    );
  }
  answer.body.destroy();
  response.end();
  return sent;
}

/** Sees each chunk of a passing body before the client does. */
export type Tap = (chunk: Buffer) => Promise<void>;

async function* counted(
  body: AsyncIterable<Buffer>,
  tap: Tap | undefined,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    await tap?.(chunk);
    count(chunk.length);
    yield chunk;
  }
}

/**
 * The fields as they came, each byte above 127 as one character. What a server wrote wrongly does not break the answer: from
 * values it is left out, a field without a proper name altogether. The length comes last, as behind it Node takes such bytes
 * of `Content-Disposition` for UTF-8 and refuses them.
 */
function responseHeaders(headers: IncomingHttpHeaders, via: string): OutgoingHttpHeaders {
  const { "content-length": length, ...others } = headers;
  const raw = Object.entries(others).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]));
  const kept = endToEnd(raw);
  const out: Record<string, string | string[]> = { "cache-status": "distswarm; fwd=bypass" };
  for (let at = 0; at < kept.length; at += 2) {
    if (TOKEN.test(kept[at]!)) append(out, kept[at]!, kept[at + 1]!.replace(UNSENDABLE, ""));
  }
  append(out, "via", via);
  return length === undefined ? out : { ...out, "content-length": length };
}

function append(out: Record<string, string | string[]>, name: string, value: string): void {
  const present = out[name];
  out[name] = present === undefined ? value : [present, value].flat();
}
