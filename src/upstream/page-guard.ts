import type { UpstreamAnswer } from "../core/upstream.ts";

/** A page that a server sends instead of a file (a login, a challenge, "not found" with 200) is shorter. Bytes. */
const LONGEST_PAGE_BYTES = 128 * 1024;

/**
 * The body of an answer. Where a whole one names no length, a body that ends sooner than `wanted` bytes and is no
 * longer than a page gives nothing at all: of a large file its bytes would be with the client before the digest is known.
 */
export function guarded({ headers, status, body }: UpstreamAnswer, wanted: number): AsyncIterable<Buffer> {
  const isMeasured = headers["content-length"] !== undefined || status !== 200;
  return isMeasured ? body : withoutPage(body, Math.min(wanted, LONGEST_PAGE_BYTES));
}

/** Holds back the first bytes until there are `enough`. What broke off is a part of something longer, and is given. */
async function* withoutPage(body: AsyncIterable<Buffer>, enough: number): AsyncGenerator<Buffer> {
  const held: Buffer[] = [];
  let missing = enough;
  try {
    for await (const chunk of body) {
      missing -= chunk.length;
      held.push(chunk);
      if (missing <= 0) yield* held.splice(0);
    }
  } catch (error) {
    yield* held;
    throw error;
  }
}
