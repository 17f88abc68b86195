import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { systemCode } from "../core/errors.ts";
import { answerFor } from "./status-code.ts";

/** Bytes of request line and header fields together; more is 431. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** What the HTTP parser refuses with another status than 400, by its code. */
const PARSER_ERRORS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: `431 Request Header Fields Too Large: request line and headers may have ${MAX_HEADER_BYTES} bytes`,
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout: the request line and headers did not arrive in time",
};

/** Tells a client in a status line why there is no tunnel, and closes; its own end would be waited for for ever. */
export function refuseTunnel(client: Duplex, error: unknown): void {
  const { status, message } = answerFor(error);
  endWith(client, `${status} ${STATUS_CODES[status]}`, message, () => client.destroy());
}

/** Tells a client in one clear line what the HTTP parser refused. */
export function answerParserError(client: Duplex, error: Error): void {
  if (!client.writable || systemCode(error) === "ECONNRESET") return void client.destroy();
  const line = PARSER_ERRORS[systemCode(error) ?? ""] ?? `400 Bad Request: ${error.message}`;
  const [status = ""] = line.split(":");
  endWith(client, status, line);
}

/** An answer on a connection for which Node has made no response. */
function endWith(client: Duplex, status: string, line: string, sent?: () => void): void {
  const length = Buffer.byteLength(line) + 1;
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\nConnection: close`;
  client.end(`${head}\r\n\r\n${line}\n`, sent);
}
