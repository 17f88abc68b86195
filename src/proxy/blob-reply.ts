import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { ByteRange } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import { contentRange, parseRange, type RangeRequest } from "../core/net/range.ts";
import type { Content } from "../retrieve/content.ts";
import { endAnswer, sendBytes, type Exchange } from "./reply.ts";

/**
 * The headers of a body up to this size leave together with it; those of a larger one do not wait for its first bytes.
 */
const HEAD_WITH_BODY_BYTES = 256 * 1024;

/** What the answer with a file depends on before any byte of it is here. */
interface Known {
  /** Absent for bytes that nobody has verified: their answer has no ETag. */
  readonly digest?: Digest;
  readonly size: number;
}

/** Where the bytes of a file come from, and what `Cache-Status` says of that. */
interface FileBody {
  readonly cacheStatus: string;
  readonly read: (range: ByteRange) => AsyncIterable<Buffer>;
  /** Told of bytes that the client is given, as they leave. */
  readonly given?: (bytes: number) => void;
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
  if (rangeFor(request, known).kind !== "unsatisfiable") return false;
  response
    .writeHead(416, { ...baseHeaders(known), "Content-Range": `bytes */${known.size}`, "Content-Length": 0 })
    .end();
  return true;
}

/** The range that the body of an answer is to have; all of it for a range beyond the end. */
export function rangeOf({ request }: Exchange, known: Known): ByteRange {
  const asked = rangeFor(request, known);
  return asked.kind === "part" ? asked.range : { start: 0, end: known.size };
}

/** Sends the headers of a file; the range that the body is to have. */
export function sendBlobHead(exchange: Exchange, known: Known, cacheStatus: string): ByteRange {
  const { request, response } = exchange;
  const isPart = rangeFor(request, known).kind === "part";
  const range = rangeOf(exchange, known);
  const headers: OutgoingHttpHeaders = {
    ...baseHeaders(known),
    "Cache-Status": cacheStatus,
    "Content-Type": "application/octet-stream",
    "Content-Length": range.end - range.start,
  };
  if (isPart) headers["Content-Range"] = contentRange(range, known.size);
  response.writeHead(isPart ? 206 : 200, headers);
  return range;
}

/**
 * Sends a blob, or the range of it that was asked for; resolves when its bytes have left. Throws when they end early, or
 * the client leaves.
 */
export async function sendContent(exchange: Exchange, content: Content, given: (bytes: number) => void): Promise<void> {
  const read: FileBody["read"] = (range) => content.read(range, exchange.signal);
  await sendFile(exchange, content, { cacheStatus: cacheStatusOf(content), read, given });
}

/** The same for any file of which the size is known. */
export async function sendFile(exchange: Exchange, known: Known, body: FileBody): Promise<number> {
  const range = sendBlobHead(exchange, known, body.cacheStatus);
  if (range.end - range.start > HEAD_WITH_BODY_BYTES) {
    exchange.response.flushHeaders();
    await turnOfTheLoop(); // who asked in the same moment is greeted before the first body costs its time
  }
  await sendBytes(exchange, body.read(range), body.given);
  await endAnswer(exchange);
  return range.end - range.start;
}

function cacheStatusOf(content: Content): string {
  if (content.origin === "store") return "distswarm; hit";
  const stored = content.isKept ? "; stored" : "";
  const collapsed = content.collapsed ? "; collapsed" : "";
  return `distswarm; fwd=miss${stored}${collapsed}; detail=${content.origin}`;
}

function baseHeaders(known: Known): OutgoingHttpHeaders {
  const etag = etagOf(known);
  return { ...(etag !== undefined && { ETag: etag }), "Accept-Ranges": "bytes" };
}

function etagOf({ digest }: Known): string | undefined {
  return digest && `"${digest}"`;
}

/** A range means something to GET alone (RFC 9110, 14.2). */
function rangeFor({ method, headers }: IncomingMessage, known: Known): RangeRequest {
  if (method !== "GET") return { kind: "whole" };
  const condition = headers["if-range"];
  if (condition !== undefined && condition !== etagOf(known)) return { kind: "whole" };
  return parseRange(headers.range, known.size);
}

/** Whether `If-None-Match` names what is known, by the weak comparison, or anything at all (RFC 9110, 13.1.2). */
function matches(header: string | undefined, known: Known): boolean {
  const etag = etagOf(known);
  if (etag === undefined || header === undefined) return false;
  const named = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return named.includes(etag) || named.includes("*");
}
