import { BoundedMap } from "../core/data/bounded-map.ts";
import type { Digest } from "../core/digest.ts";

/** A peer that sent wrong bytes is not asked for so long. */
const SHUT_OUT_MS = 3_600_000;
/** A peer that broke off, stalled or was not there is left alone for so long; twice as long at each further time. */
const LEAVE_MS = 10_000;
const LEAVE_AT_MOST_MS = 300_000;
/** A peer that was slower than another is asked after others for so long. */
const SLOW_MS = 10_000;
/** The same for one that was left for a faster one in the middle of a blob. */
const OUTPACED_MS = 60_000;
/**
 * A peer from which growing copies of so many blobs were wrong is not
 * followed any more for so long: bad luck has an end.
 */
const MISLED_BY_BLOBS = 3;
const MISLED_MS = 600_000;
/** A peer is not asked again for a blob that it failed to give for so long. */
const AVOID_MS = 30_000;
const MAX_AVOIDED = 4096;
/**
 * Peers remembered, those that were tried last, and apart from them those
 * that lied last: a member can invent any number.
 */
const MAX_PEERS = 1024;

/** What a peer did, as far as it counts still; times by the clock of {@link Standing}, in milliseconds. */
interface Past {
  leftUntil: number;
  slowUntil: number;
  /** Blobs of which it passed on wrong bytes, and until when that counts. */
  misled: ReadonlySet<Digest>;
  misledUntil: number;
  /** Faults since it last gave something to the end. */
  faults: number;
}

const NOTHING: Past = { leftUntil: 0, slowUntil: 0, misled: new Set(), misledUntil: 0, faults: 0 };

/** Which peers are worth asking now, as their past answers tell. */
export class Standing {
  readonly #peers = new BoundedMap<string, Past>(MAX_PEERS);
  readonly #shutOutUntil = new BoundedMap<string, number>(MAX_PEERS);
  readonly #avoided = new BoundedMap<string, number>(MAX_AVOIDED);
  /** How often others are raced against a peer for a blob now. */
  readonly #doubts = new Map<string, number>();
  readonly #now: () => number;

  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** It gave all that it was asked for. */
  succeeded(id: string): void {
    const past = this.#pastOf(id);
    past.faults = 0;
    past.leftUntil = 0;
  }

  /**
   * It broke off, stalled, or was not there. All that fails while it is left alone is one fault: that was asked before, or
   * where nobody else was left, and a moment without network breaks every transfer at once.
   */
  failed(id: string): void {
    const past = this.#pastOf(id);
    const now = this.#now();
    if (past.leftUntil > now) return;
    past.leftUntil = now + Math.min(LEAVE_MS * 2 ** past.faults, LEAVE_AT_MOST_MS);
    past.faults += 1;
  }

  /** Another one answered first. */
  lost(id: string): void {
    const past = this.#pastOf(id);
    past.slowUntil = Math.max(past.slowUntil, this.#now() + SLOW_MS);
  }

  /** It was left for another one that was clearly faster. */
  outpaced(id: string): void {
    this.#pastOf(id).slowUntil = this.#now() + OUTPACED_MS;
  }

  /** Others are raced against it for this blob, until the returned function is called. */
  doubt(id: string, digest: Digest): () => void {
    const key = keyOf(id, digest);
    this.#doubts.set(key, (this.#doubts.get(key) ?? 0) + 1);
    return () => {
      const left = this.#doubts.get(key)! - 1;
      if (left > 0) this.#doubts.set(key, left);
      else this.#doubts.delete(key);
    };
  }

  /** It sent wrong bytes. */
  lied(id: string): void {
    this.#shutOutUntil.set(id, this.#now() + SHUT_OUT_MS);
  }

  /** It passed on bytes of a blob that turned out wrong; it may not have known. */
  misled(id: string, digest: Digest): void {
    const past = this.#pastOf(id);
    const earlier = past.misledUntil > this.#now() ? past.misled : [];
    const blobs = new Set(earlier).add(digest);
    past.misled = new Set([...blobs].slice(-MISLED_BY_BLOBS));
    past.misledUntil = this.#now() + MISLED_MS;
  }

  /** It is not to be asked for this blob again for a while. */
  avoid(id: string, digest: Digest): void {
    this.#avoided.set(keyOf(id, digest), this.#now() + AVOID_MS);
  }

  /** Whether nothing that it gives is taken now. */
  isShutOut(id: string): boolean {
    return (this.#shutOutUntil.get(id) ?? 0) > this.#now();
  }

  /** Whether what it is still receiving is not taken now. */
  isMisleading(id: string): boolean {
    const past = this.#peers.get(id);
    return past !== undefined && past.misledUntil > this.#now() && past.misled.size >= MISLED_BY_BLOBS;
  }

  /** Whether it is left alone now, altogether or for this blob. */
  isLeft(id: string, digest: Digest): boolean {
    const now = this.#now();
    return (this.#peers.get(id)?.leftUntil ?? 0) > now || (this.#avoided.get(keyOf(id, digest)) ?? 0) > now;
  }

  /**
   * Whether nothing more of the blob with this digest, which a claim has as its `subject`, is taken from it now: it lied,
   * or others are raced against it.
   */
  isOut(id: string, subject: Digest): boolean {
    return this.isShutOut(id) || this.#doubts.has(keyOf(id, subject));
  }

  /** Whether others are asked before it. */
  isSlow(id: string): boolean {
    return (this.#peers.get(id)?.slowUntil ?? 0) > this.#now();
  }

  #pastOf(id: string): Past {
    const past = this.#peers.get(id) ?? { ...NOTHING };
    this.#peers.set(id, past); // the last one tried is the last one forgotten
    return past;
  }
}

function keyOf(id: string, subject: Digest): string {
  return `${id} ${subject}`;
}
