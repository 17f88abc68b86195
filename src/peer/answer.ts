import { SourceError } from "../core/errors.ts";
import { readContentRange } from "./byte-range.ts";
import type { BlobReply } from "./peer-connection.ts";
import { PRESENT_HEADER, readBytes } from "./protocol.ts";

/** What is known of a good answer before its body. */
export interface Answer {
  /** It is a growing copy, which nobody has checked. */
  readonly isGrowing: boolean;
  /** Bytes of the blob that were present when the answer began; its size when it is whole. */
  readonly present: number;
  /** Bytes of the blob: those asked for, or, where that was infinite, those that the peer says it has. */
  readonly size: number;
}

/**
 * Checks an answer against what was asked; `size` is infinite where it is not known.
 *
 * @throws {SourceError} `ABSENT`, `BUSY`, `BAD_STATUS`, `BAD_LENGTH`, `BAD_RANGE`.
 */
export function checkAnswer({ status, headers }: BlobReply, asked: { offset: number; size: number }): Answer {
  const { offset } = asked;
  if (status === 404) throw new SourceError("ABSENT", "does not have it", { status });
  if (status === 416) throw new SourceError("BUSY", "has no more of it than this box", { status });
  if (status === 503) throw new SourceError("BUSY", "has too many readers", { status });
  if (status !== (offset > 0 ? 206 : 200)) throw new SourceError("BAD_STATUS", `answered ${status}`, { status });
  const length = readBytes(headers, "content-length");
  const size = Number.isFinite(asked.size) ? asked.size : offset + (length ?? 0);
  if (offset > 0) {
    const range = readContentRange(headers["content-range"]);
    if (range?.start !== offset || range.end !== size || range.size !== size) {
      throw new SourceError("BAD_RANGE", `sends ${headers["content-range"]} instead of ${offset}-${size - 1}/${size}`);
    }
  }
  if (length !== size - offset) {
    throw new SourceError("BAD_LENGTH", `sends ${headers["content-length"]} bytes instead of ${size - offset}`);
  }
  const present = readBytes(headers, PRESENT_HEADER);
  return { isGrowing: present !== undefined, present: present ?? size, size };
}
