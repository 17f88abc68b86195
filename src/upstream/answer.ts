import { SourceError, type SourceFault } from "../core/errors.ts";
import type { UpstreamAnswer } from "../core/upstream.ts";
import { parseRetryAfter } from "./retry-after.ts";

/** The head of an answer to a request for a distfile. */
type AnswerHead = Omit<UpstreamAnswer, "body">;

/** What was asked for: the bytes of a blob of `size` from `offset` to its end. */
interface Asked {
  readonly size: number;
  readonly offset: number;
}

/** All of the file; 203 is how a proxy says that it had a hand in it. */
const WHOLE = new Set([200, 203]);
/** Codings that servers pack with for transport. */
const PACKINGS = new Set(["gzip", "x-gzip", "compress", "x-compress", "deflate", "br", "zstd"]);
/** Ends of files for which gzip is what they are, not how they are sent. */
const IS_GZIP = /\.(?:t?gz|crate)$/i;
const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/;

/**
 * Checks the head of an answer before any byte of its body is taken. One that is refused is let go of.
 *
 * @returns how many bytes of the body to skip: 0, or the offset when the server sends all in answer to a Range.
 * @throws {SourceError} `ABSENT`, `BUSY`, `BAD_STATUS`, `BAD_LENGTH`, `BAD_RANGE`.
 */
export function accept(answer: UpstreamAnswer, asked: Asked, now: number): number {
  try {
    return bytesToSkip(answer, asked, now);
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}

function bytesToSkip(answer: AnswerHead, { size, offset }: Asked, now: number): number {
  if (answer.status === 206 && offset > 0) {
    checkRange(answer, { size, offset });
    checkLength(answer, size - offset);
    return 0;
  }
  if (!WHOLE.has(answer.status)) throw faultOfStatus(answer, offset, now);
  checkLength(answer, size);
  return offset;
}

/** What a status that brings no body means: `ABSENT`, `BUSY`, `BAD_RANGE`, or else `BAD_STATUS`. */
export function faultOfStatus(answer: AnswerHead, offset: number, now: number): SourceError {
  const { status, headers } = answer;
  if (status === 404 || status === 410) return refuse(answer, "ABSENT", `answered ${status}`);
  if (status === 416 && offset > 0) return refuse(answer, "BAD_RANGE", `answered 416 to a range from byte ${offset}`);
  if (status !== 429 && status !== 503) return refuse(answer, "BAD_STATUS", `answered ${status}`);
  const retryAfterMs = parseRetryAfter(headers, now);
  return new SourceError("BUSY", `${answer.url} answered ${status}: too busy`, { status, retryAfterMs });
}

function checkRange(answer: AnswerHead, { size, offset }: Asked): void {
  const range = answer.headers["content-range"] ?? "";
  const [, first, last, total] = CONTENT_RANGE.exec(range) ?? [];
  const fits = Number(first) === offset && Number(last) === size - 1 && (total === "*" || Number(total) === size);
  if (!fits) throw refuse(answer, "BAD_RANGE", `asked for ${offset}-${size - 1}/${size}, sends "${range}"`);
}

/**
 * A body without a length is taken on trust, its bytes are counted. `Content-Encoding` with the very length that we
 * want describes the file itself (Apache says `x-gzip` of every .tar.gz); with any other it means packed for transport.
 */
function checkLength(answer: AnswerHead, wanted: number): void {
  const { "content-length": length, "content-encoding": encoding = "" } = answer.headers;
  if (length !== undefined && Number(length) !== wanted) {
    throw refuse(answer, "BAD_LENGTH", `has ${length} bytes, wanted are ${wanted}`);
  }
  if (length === undefined && isPacked(answer.url, [encoding].flat().join().toLowerCase())) {
    throw refuse(answer, "BAD_LENGTH", `sends it packed (${encoding}), which was not asked for`);
  }
}

/** Whether bytes are likely not those of the file: servers also say `none` or `binary`, and `gzip` of a .tar.gz. */
function isPacked(url: string, encoding: string): boolean {
  const codings = encoding.split(",").map((coding) => coding.trim());
  const isItself = /^(x-)?gzip$/.test(encoding) && IS_GZIP.test(new URL(url).pathname);
  return codings.some((coding) => PACKINGS.has(coding)) && !isItself;
}

function refuse(answer: AnswerHead, code: SourceFault, what: string): SourceError {
  return new SourceError(code, `${answer.url} ${what}`, { status: answer.status });
}
