import type { ByteRange } from "../core/blob-store.ts";

const RANGE_PATTERN = /^bytes=(\d{1,15})-(\d{0,15})$/;
const CONTENT_RANGE_PATTERN = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;

/**
 * Reads the Range header of a peer against a size in bytes: nothing, or one range with a start. Undefined when there is
 * nothing of that in the blob, or when it is written otherwise.
 */
export function readRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined) return { start: 0, end: size };
  const match = RANGE_PATTERN.exec(header);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = match[2] === "" ? size : Math.min(Number(match[2]) + 1, size);
  return start < end ? { start, end } : undefined;
}

/** Reads a Content-Range header with its total size in bytes; undefined when it is not one. */
export function readContentRange(header: string | undefined): (ByteRange & { readonly size: number }) | undefined {
  const match = CONTENT_RANGE_PATTERN.exec(header ?? "");
  if (match === null) return undefined;
  return { start: Number(match[1]), end: Number(match[2]) + 1, size: Number(match[3]) };
}
