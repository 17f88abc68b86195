/** What one side of a connection may send: so much at once, and so much a second after that. */
interface FloodLimits {
  readonly messages: { readonly burst: number; readonly perSecond: number };
  readonly bytes: { readonly burst: number; readonly perSecond: number };
}

/** Before the network key is proved: one proof, and the frames of the channel that carries it. */
export const STRANGER_LIMITS: FloodLimits = {
  messages: { burst: 8, perSecond: 0 },
  bytes: { burst: 4096, perSecond: 0 },
};

/**
 * After it: a have list of a million blobs at once (16 MB in 250 messages), and more claims, with their answers and ends,
 * than two boxes that fetch the smallest files can make.
 */
export const MEMBER_LIMITS: FloodLimits = {
  messages: { burst: 4000, perSecond: 4000 },
  bytes: { burst: 64 * 2 ** 20, perSecond: 2 * 2 ** 20 },
};

/** Counts what a connection sends against its limits: two buckets that fill with time. */
export class FloodGuard {
  readonly #limits: FloodLimits;
  #messages: number;
  #bytes: number;
  #at: number;

  constructor(limits: FloodLimits, now: number) {
    this.#limits = limits;
    this.#messages = limits.messages.burst;
    this.#bytes = limits.bytes.burst;
    this.#at = now;
  }

  /** Counts one message of `bytes`, at `now` in milliseconds; false when it is one too many. */
  takes(bytes: number, now: number): boolean {
    const seconds = (now - this.#at) / 1000;
    const { messages, bytes: size } = this.#limits;
    this.#at = now;
    this.#messages = Math.min(messages.burst, this.#messages + seconds * messages.perSecond) - 1;
    this.#bytes = Math.min(size.burst, this.#bytes + seconds * size.perSecond) - bytes;
    return this.#messages >= 0 && this.#bytes >= 0;
  }
}
