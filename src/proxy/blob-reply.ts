import type { OutgoingHttpHeaders } from "node:http";
import type { ByteRange } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import type { Content } from "../retrieve/content.ts";
import { parseRange, type RangeRequest } from "./range.ts";
import { sendBytes, type Exchange } from "./reply.ts";

/** The headers of a body up to this size leave together with it; those of a larger one do not wait for its first bytes. */
const HEAD_WITH_BODY_BYTES = 256 * 1024;

/** What a distfile's answer depends on before any byte of it is here. */
export interface Known {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Answers from the size and the digest alone where that is enough: `304` for a client that has it, `416` for a range
 * beyond the end, which is right for a client that has it all. Returns false when the bytes are needed.
 */
export function answerWithoutBytes({ request, response }: Exchange, known: Known): boolean {
  if (matches(request.headers["if-none-match"], known)) {
    response.writeHead(304, baseHeaders(known)).end();
    return true;
  }
  if (rangeFor(request.headers, known).kind !== "unsatisfiable") return false;
  response
    .writeHead(416, { ...baseHeaders(known), "Content-Range": `bytes */${known.size}`, "Content-Length": 0 })
    .end();
  return true;
}

/** Sends the headers of a distfile; the range that the body is to have. */
export function sendBlobHead(exchange: Exchange, known: Known, cacheStatus: string): ByteRange {
  const { request, response } = exchange;
  const asked = rangeFor(request.headers, known);
  const range = asked.kind === "part" ? asked.range : { start: 0, end: known.size };
  const headers: OutgoingHttpHeaders = {
    ...baseHeaders(known),
    "Cache-Status": cacheStatus,
    "Content-Type": "application/octet-stream",
    "Content-Length": range.end - range.start,
  };
  if (asked.kind === "part") headers["Content-Range"] = `bytes ${range.start}-${range.end - 1}/${known.size}`;
  response.writeHead(asked.kind === "part" ? 206 : 200, headers);
  return range;
}

/** Sends a blob, or the range of it that was asked for; resolves with the bytes sent. Throws when its bytes end early. */
export async function sendContent(exchange: Exchange, content: Content): Promise<number> {
  const range = sendBlobHead(exchange, content, cacheStatusOf(content));
  if (range.end - range.start > HEAD_WITH_BODY_BYTES) exchange.response.flushHeaders();
  await sendBytes(exchange, content.read(range, exchange.signal));
  exchange.response.end();
  return range.end - range.start;
}

function cacheStatusOf(content: Content): string {
  if (content.origin === "store") return "distswarm; hit";
  const collapsed = content.collapsed ? "; collapsed" : "";
  return `distswarm; fwd=miss; stored${collapsed}; detail=${content.origin}`;
}

function baseHeaders(known: Known): OutgoingHttpHeaders {
  return { ETag: `"${known.digest}"`, "Accept-Ranges": "bytes" };
}

function rangeFor(headers: { range?: string; "if-range"?: string | string[] }, known: Known): RangeRequest {
  const condition = headers["if-range"];
  if (condition !== undefined && condition !== `"${known.digest}"`) return { kind: "whole" };
  return parseRange(headers.range, known.size);
}

function matches(header: string | undefined, known: Known): boolean {
  return header !== undefined && (header.trim() === "*" ? false : header.includes(`"${known.digest}"`));
}
