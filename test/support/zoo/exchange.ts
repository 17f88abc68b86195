import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** One request for one file of a mock mirror, and the means to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly name: string;
  /** The file, whole and right. */
  readonly file: Buffer;
  /** Root of the mock mirror: `http://127.0.0.1:PORT`. */
  readonly url: string;
}

/** How a mock mirror answers a request for a file. */
export type Behaviour = (exchange: Exchange) => void | Promise<void>;

/** A right answer, not yet sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly bytes: Buffer;
}

/** Where the asked range starts; 0 without one. */
export function offsetOf({ request }: Exchange): number {
  return Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
}

/** What a well-behaved mirror answers: 200, 206 to `bytes=N-` and `bytes=N-M`, 416 beyond the end. */
export function rightAnswer({ request, file }: Exchange): Answer {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const common = { "accept-ranges": "bytes", "content-type": "application/octet-stream" };
  if (range === null) return { status: 200, headers: { ...common, "content-length": file.length }, bytes: file };
  const start = Number(range[1]);
  const end = Math.min(file.length, range[2] === "" ? file.length : Number(range[2]) + 1);
  if (start >= file.length) {
    return { status: 416, headers: { "content-range": `bytes */${file.length}` }, bytes: Buffer.alloc(0) };
  }
  const headers = { "content-range": `bytes ${start}-${end - 1}/${file.length}`, "content-length": end - start };
  return { status: 206, headers: { ...common, ...headers }, bytes: file.subarray(start, end) };
}

/** Sends an answer as node:http would have it. */
export function send({ request, response }: Exchange, { status, headers, bytes }: Answer): void {
  response.writeHead(status, headers);
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/** How a raw answer ends: cleanly, with a TCP reset once the bytes are out, or not at all. */
type Ending = "close" | "reset" | "silence";

/** Sends an answer past node:http, which would not let it be wrong, and ends it so. */
export function sendRaw({ response }: Exchange, { status, headers, bytes }: Answer, ending: Ending): void {
  const socket = response.socket!;
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} Whatever\r\n${fields.join("")}\r\n`);
  socket.write(bytes, () => endWith(socket, ending));
}

/** Ends a connection so. */
export function endWith(socket: Socket, ending: Ending): void {
  if (ending === "close") socket.end();
  if (ending === "reset") socket.resetAndDestroy();
}

/** `bytes` in one chunk of chunked encoding; a body needs {@link LAST_CHUNK} to be whole. */
export function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

export const LAST_CHUNK = Buffer.from("0\r\n\r\n");
