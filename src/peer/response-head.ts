import type { IncomingHttpHeaders } from "node:http";
import { SourceError } from "../core/errors.ts";

/** The head of an answer may have so many bytes. */
const MAX_HEAD_BYTES = 16 * 1024;
const END_OF_HEAD = Buffer.from("\r\n\r\n");
const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: |$)/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\x20-\x7e\t]*)$/;

/** Status and header fields of an answer, by their names in lower case. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Collects the head of an answer (RFC 9112, section 2), and refuses what a blob server never sends: interim answers, a field
 * that comes twice, a body in chunks.
 */
export class HeadReader {
  #bytes = Buffer.alloc(0);

  /**
   * Takes bytes in. Once the head is whole: what it says, and the bytes behind it.
   *
   * @throws {SourceError} `BAD_STATUS` when it is no answer, or too long.
   */
  take(bytes: Buffer): { readonly head: ResponseHead; readonly rest: Buffer } | undefined {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const end = this.#bytes.indexOf(END_OF_HEAD);
    if ((end < 0 ? this.#bytes.length : end) > MAX_HEAD_BYTES) throw malformed("headers without end");
    if (end < 0) return undefined;
    const head = parseHead(this.#bytes.toString("latin1", 0, end));
    return { head, rest: this.#bytes.subarray(end + END_OF_HEAD.length) };
  }
}

function parseHead(text: string): ResponseHead {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const status = STATUS_LINE.exec(statusLine)?.[1];
  if (status === undefined) throw malformed("no HTTP/1.1 answer");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined) throw malformed("a malformed header line");
    const field = name.toLowerCase();
    if (Object.hasOwn(headers, field)) throw malformed("a header twice");
    headers[field] = value!.trim();
  }
  if (Object.hasOwn(headers, "transfer-encoding")) throw malformed("a body of unknown length");
  return { status: Number(status), headers };
}

function malformed(what: string): SourceError {
  return new SourceError("BAD_STATUS", `sends ${what}`);
}
