import { SourceError, messageOf } from "../core/errors.ts";
import { watched, type PaceLimit } from "../core/async/pace.ts";

/** Bytes that lie on the peer's disk come at least so fast. */
const STORED_PACE: PaceLimit = { windowMs: 2000, bytes: 64 * 1024 };
/** Bytes that the peer waits for itself come at least so fast. */
const GROWING_PACE: PaceLimit = { windowMs: 5000, bytes: 4096 };

/** A body about to be read. */
interface Body {
  readonly chunks: AsyncIterable<Buffer>;
  /** Where it begins, and the size of the whole blob. */
  readonly offset: number;
  readonly size: number;
  /** Bytes of the blob that the peer had when it answered. */
  readonly present: number;
  /** Only the bytes present are wanted. */
  readonly isBounded: boolean;
  /** The peer's name, for errors. */
  readonly name: string;
}

/** Whom the reading of a body tells. */
interface BodyReading {
  /** Ends what the body comes over. */
  readonly abort: (reason: Error) => void;
  /** Told now and then how many bytes a second come, as soon as that is known. */
  readonly paced?: ((bytesPerSecond: number) => void) | undefined;
}

/**
 * The bytes of a body, as long as they come fast enough.
 *
 * @throws {SourceError} `STALLED` (`abort` was called with it before), `BROKEN` when they end early, `BUSY` when a bounded
 * one has given all that it had.
 */
export async function* readBody(body: Body, { abort, paced }: BodyReading): AsyncGenerator<Buffer> {
  const { offset, size, present, isBounded, name } = body;
  let position = offset;
  let fault: SourceError | undefined;
  const limit = (): PaceLimit => (position < present ? STORED_PACE : GROWING_PACE);
  const stalled = (): void => {
    fault = new SourceError("STALLED", `${name} sends too slowly`);
    abort(fault);
  };
  try {
    for await (const chunk of watched(body.chunks, { limit, stalled, paced })) {
      const bytes = isBounded ? chunk.subarray(0, present - position) : chunk;
      position += bytes.length;
      yield bytes;
      if (isBounded && position === present && present < size)
        throw new SourceError("BUSY", `${name} has given all that it had`);
    }
    if (position < size) throw new SourceError("BROKEN", `${name} ended ${size - position} bytes early`);
  } catch (error) {
    throw fault ?? asFault(error, name);
  }
}

function asFault(error: unknown, name: string): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError("BROKEN", `${name} broke off: ${messageOf(error)}`, { cause: error });
}
