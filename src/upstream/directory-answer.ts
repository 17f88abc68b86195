import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { ByteRange } from "../core/blob-store.ts";
import { isGone, messageOf, SourceError } from "../core/errors.ts";
import { contentRange, parseRange } from "../core/net/range.ts";
import type { MirrorRequest, UpstreamAnswer } from "../core/upstream.ts";
import { valuesOf } from "../core/net/header-fields.ts";

/**
 * Answers for a file below a mirror that is a directory of this box, as a server would: 200, 206 to a range, 416 beyond
 * the end, 404.
 *
 * @throws {SourceError} `BROKEN` when the file is there but cannot be looked at; the body errors when it cannot be
 * read.
 */
export async function directoryAnswer(path: string, request: MirrorRequest): Promise<UpstreamAnswer> {
  const size = await sizeOf(path);
  if (size === undefined) return answer(path, 404, {});
  const asked = parseRange(request.method === "GET" ? valuesOf(request.headers, "range")[0] : undefined, size);
  if (asked.kind === "unsatisfiable") return answer(path, 416, { "content-range": `bytes */${size}` });
  const range = asked.kind === "part" ? asked.range : { start: 0, end: size };
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(range.end - range.start),
    "accept-ranges": "bytes",
    ...(asked.kind === "part" && { "content-range": contentRange(range, size) }),
  };
  const body = request.method === "HEAD" ? undefined : readRange(path, range, request.signal);
  return answer(path, asked.kind === "part" ? 206 : 200, headers, body);
}

function answer(url: string, status: number, headers: IncomingHttpHeaders, body?: Readable): UpstreamAnswer {
  return { url, status, headers, body: body ?? Readable.from([]) };
}

/** A part of a file. */
export function readRange(path: string, { start, end }: ByteRange, signal: AbortSignal): Readable {
  if (start === end) return Readable.from([]);
  const body = createReadStream(path, { start, end: end - 1, signal });
  body.on("error", () => {}); // whoever reads it is told; who has let go of it does not care
  return body;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw new SourceError("BROKEN", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
