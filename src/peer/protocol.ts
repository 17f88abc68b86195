import type { IncomingHttpHeaders } from "node:http";
import { isBoxId } from "../core/box-id.ts";
import { isDigest, type Digest } from "../core/digest.ts";

/**
 * What boxes say to each other over HTTP:
 *
 *     GET /blobs/<digest>   Range: bytes=N-   Distswarm-Tried: <id>, <id>
 *     200 or 206            Content-Length, Content-Range, ETag: "<digest>"
 *                           of a growing copy also Distswarm-Present: N
 *     404                   it is not here
 *     416                   of a growing copy also: it has no more than the asker, and gets it from another box itself
 *     503                   too many readers; Distswarm-Receiving: <id>, <id> names boxes that are receiving it now;
 *                           Distswarm-Present: N as above
 */
const BLOBS_PATH = "/blobs/";

/** Ids that have already been asked for the blob in vain. */
export const TRIED_HEADER = "distswarm-tried";
/** Of a growing copy, or of one with too many readers: how many bytes were present when the answer began. */
export const PRESENT_HEADER = "distswarm-present";
/** Ids of boxes that are receiving the blob now: ask them. */
export const RECEIVING_HEADER = "distswarm-receiving";

/** Ids in one header; more are cut off. */
const MAX_IDS = 64;

/** The path of a blob. */
export function blobPath(digest: Digest): string {
  return BLOBS_PATH + digest;
}

/** The digest in a path; undefined when it is no blob's. */
export function digestOfPath(path: string | undefined): Digest | undefined {
  const text = path?.startsWith(BLOBS_PATH) === true ? path.slice(BLOBS_PATH.length) : "";
  return isDigest(text) ? text : undefined;
}

/** Ids as a header has them. */
export function idList(ids: Iterable<string>): string {
  return [...ids].slice(0, MAX_IDS).join(", ");
}

/** Reads a header of ids; whatever is no id is passed over. */
export function readIds(headers: IncomingHttpHeaders, name: string): string[] {
  const value = headers[name];
  if (typeof value !== "string") return [];
  const ids = value.split(",", MAX_IDS).map((id) => id.trim());
  return ids.filter(isBoxId);
}

/** Reads a header that holds a number of bytes; undefined when it does not. */
export function readBytes(headers: IncomingHttpHeaders, name: string): number | undefined {
  const value = headers[name];
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
