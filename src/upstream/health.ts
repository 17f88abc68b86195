import { BoundedMap } from "../core/data/bounded-map.ts";
import { SourceError } from "../core/errors.ts";

/** What the requests to one origin have taught. */
export interface OriginHealth {
  readonly requests: number;
  readonly failures: number;
  readonly bytes: number;
  /** Bytes a second over its recent downloads. */
  readonly rate?: number;
  /** For how many milliseconds more it is left alone, if at all. */
  readonly avoidedForMs?: number;
  /** Its last failure, in words, as long as no success followed. */
  readonly problem?: string;
}

/** The same as it is kept; times are those of the clock, in milliseconds. */
interface Mutable {
  requests: number;
  failures: number;
  bytes: number;
  rate: number | undefined;
  avoidedUntil: number;
  /** It asked for this itself (`Retry-After`), so that a success meanwhile does not lift it. */
  busyUntil: number;
  avoidMs: number;
  failedAt: number;
  problem: string | undefined;
}

/** How long an origin is left alone after its first failure, and at most. */
const FIRST_AVOID_MS = 30_000;
const LONGEST_AVOID_MS = 600_000;
/** Origins remembered; the one asked longest ago is forgotten first. */
const MAX_ORIGINS = 512;
/** How much the newest download counts in the rate. */
const RATE_WEIGHT = 0.3;
/** Smaller downloads tell of latency, not of speed. Bytes. */
const MIN_RATED_BYTES = 64 * 1024;

const UNKNOWN: Readonly<Mutable> = {
  requests: 0,
  failures: 0,
  bytes: 0,
  rate: undefined,
  avoidedUntil: 0,
  busyUntil: 0,
  avoidMs: 0,
  failedAt: 0,
  problem: undefined,
};

/**
 * Which servers outside to leave alone for a while, by origin, and what they gave. A server is left alone for 30 s
 * after a failure, and twice as long after each next one, up to 10 min; a success forgives. But the wait doubles only
 * when another server did well in the meantime: when none does, the fault may be our own line's, and nobody is
 * condemned for long.
 */
export class Health {
  readonly #origins = new BoundedMap<string, Mutable>(MAX_ORIGINS);
  readonly #now: () => number;
  #lastSuccessAt = 0;

  /** `now`: milliseconds since some moment. @default those of the system, whatever its date is set to */
  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Whether `origin` is better asked after all others now. */
  isAvoided(origin: string): boolean {
    return this.of(origin).avoidedForMs !== undefined;
  }

  /** What is known of `origin`. */
  of(origin: string): OriginHealth {
    const { requests, failures, bytes, rate, problem, ...record } = this.#origins.get(origin) ?? UNKNOWN;
    const forMs = Math.max(record.avoidedUntil, record.busyUntil) - this.#now();
    return { requests, failures, bytes, rate, problem, avoidedForMs: forMs > 0 ? forMs : undefined };
  }

  /** The origins remembered, the one asked longest ago first. */
  origins(): string[] {
    return [...this.#origins.keys()];
  }

  /**
   * A request is about to be sent.
   *
   * @throws {SourceError} `BUSY` when `origin` has itself asked to be left alone for longer (`Retry-After`).
   */
  asked(origin: string): void {
    const record = this.#record(origin);
    const busyMs = record.busyUntil - this.#now();
    if (busyMs > 0) throw stillBusy(origin, busyMs);
    record.requests++;
    this.#origins.set(origin, record);
  }

  /** A download ended well: `bytes` in `ms`, headers included. */
  succeeded(origin: string, { bytes, ms }: { bytes: number; ms: number }): void {
    const record = this.#record(origin);
    record.bytes += bytes;
    if (bytes >= MIN_RATED_BYTES && ms > 0) {
      const rate = (bytes * 1000) / ms;
      record.rate = record.rate === undefined ? rate : record.rate + RATE_WEIGHT * (rate - record.rate);
    }
    record.avoidedUntil = 0;
    record.avoidMs = 0;
    record.problem = undefined;
    this.#lastSuccessAt = this.#now();
  }

  /** A request failed after `bytes` of its body. Only faults of the server, not of one file, have it left alone. */
  failed(origin: string, error: SourceError, bytes = 0): void {
    const record = this.#record(origin);
    record.bytes += bytes;
    if (!isServerFault(error)) return;
    const now = this.#now();
    record.failures++;
    record.problem = error.message;
    if (error.code === "BUSY" && error.retryAfterMs !== undefined) {
      record.busyUntil = now + Math.min(error.retryAfterMs, LONGEST_AVOID_MS);
    } else if (record.avoidedUntil <= now) {
      record.avoidMs = this.#nextAvoidMs(record);
      record.avoidedUntil = now + record.avoidMs;
    }
    record.failedAt = now;
  }

  /** A download that ended well had wrong bytes. It counts, and has nobody left alone: another file may be right. */
  blamed(origin: string): void {
    this.#record(origin).failures++;
  }

  #nextAvoidMs(record: Mutable): number {
    const next = this.#lastSuccessAt > record.failedAt ? record.avoidMs * 2 : record.avoidMs;
    return Math.min(Math.max(next, FIRST_AVOID_MS), LONGEST_AVOID_MS);
  }

  #record(origin: string): Mutable {
    let record = this.#origins.get(origin);
    if (record === undefined) {
      record = { ...UNKNOWN };
      this.#origins.set(origin, record);
    }
    return record;
  }
}

/** Whether a fault speaks against the server as a whole, not only against what it has of one file. */
function isServerFault({ code, status = 0 }: SourceError): boolean {
  switch (code) {
    case "REFUSED":
    case "HEADER_TIMEOUT":
    case "STALLED":
    case "BROKEN":
    case "UNTRUSTED":
    case "BUSY":
      return true;
    case "BAD_STATUS":
      return status >= 500;
    default:
      return false;
  }
}

function stillBusy(origin: string, retryAfterMs: number): SourceError {
  const seconds = Math.ceil(retryAfterMs / 1000);
  return new SourceError("BUSY", `${origin} asked to be left alone for another ${seconds} s`, { retryAfterMs });
}
