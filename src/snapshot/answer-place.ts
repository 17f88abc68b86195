import type { UpstreamAnswer } from "../core/upstream.ts";

/** RFC 9110, 14.4: a range of bytes, or none, and the length of the whole. */
const CONTENT_RANGE = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/;

/** Where the body of an answer begins. */
interface AnswerPlace {
  /** Bytes at its beginning that are here already. */
  readonly skip: number;
  /** Bytes of the whole file, where the answer tells. */
  readonly size?: number;
}

/**
 * Where the body of an answer to a range from byte `received` on begins; undefined when it is of no use for a copy that has
 * so many bytes.
 */
export function placeOf(
  { status, headers }: Pick<UpstreamAnswer, "status" | "headers">,
  received: number,
): AnswerPlace | undefined {
  const [, start, total] = CONTENT_RANGE.exec(headers["content-range"] ?? "") ?? [];
  if (status === 206) return Number(start) === received ? { skip: 0, size: Number(total) } : undefined;
  if (status === 416) return Number(total) === received ? { skip: 0, size: received } : undefined;
  if (status !== 200) return undefined;
  const length = headers["content-length"];
  return { skip: received, ...(length !== undefined && { size: Number(length) }) };
}
