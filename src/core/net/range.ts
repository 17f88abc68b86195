import type { ByteRange } from "../blob-store.ts";

/** What a Range header asks for: everything, one range, or something beyond the end (416). */
export type RangeRequest = { kind: "whole" } | { kind: "part"; range: ByteRange } | { kind: "unsatisfiable" };

const WHOLE: RangeRequest = { kind: "whole" };
const RANGE_PATTERN = /^bytes=\s*(\d*)-(\d*)\s*$/i;

/**
 * Reads a Range header against a size in bytes (RFC 9110, 14.1.2): one range or one suffix. What cannot be read, and
 * several ranges at once, count as no Range, as the RFC allows.
 */
export function parseRange(header: string | undefined, size: number): RangeRequest {
  const match = RANGE_PATTERN.exec(header ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return WHOLE;
  return first === "" ? suffix(Number(last), size) : fromStart(Number(first), last, size);
}

/** A range of a file of `size` bytes as Content-Range has it (RFC 9110, 14.4). */
export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

function suffix(length: number, size: number): RangeRequest {
  if (length === 0 || size === 0) return { kind: "unsatisfiable" };
  return { kind: "part", range: { start: Math.max(0, size - length), end: size } };
}

function fromStart(start: number, last: string, size: number): RangeRequest {
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return WHOLE;
  if (start >= size) return { kind: "unsatisfiable" };
  return { kind: "part", range: { start, end } };
}
