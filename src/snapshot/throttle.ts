import { setTimeout as sleep } from "node:timers/promises";
import { LinkedAbort } from "../core/async/linked-abort.ts";

/** Bytes that may pass at once after a pause, as time at the full rate, in milliseconds. */
const BURST_MS = 500;

/** Holds a transfer in the background to a rate (a token bucket), until somebody waits for it. */
export class Throttle {
  readonly #bytesPerMs: number;
  readonly #hurry = new AbortController();
  #tokens: number;
  #filled = performance.now();

  /** `rate` in bytes a second. */
  constructor(rate: number) {
    this.#bytesPerMs = rate / 1000;
    this.#tokens = this.#bytesPerMs * BURST_MS;
  }

  /** Somebody waits: from now on there is no limit. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Milliseconds that so many bytes take at the full rate. */
  msFor(bytes: number): number {
    return bytes / this.#bytesPerMs;
  }

  /** Resolves when `bytes` more may pass. Throws the signal's reason when it aborts first. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#hurry.signal.aborted) return;
    this.#fill();
    this.#tokens -= bytes;
    if (this.#tokens >= 0) return;
    const either = new LinkedAbort([signal, this.#hurry.signal]);
    await sleep(-this.#tokens / this.#bytesPerMs, undefined, { signal: either.signal })
      .catch(() => signal.throwIfAborted())
      .finally(() => either.unlink());
  }

  #fill(): void {
    const now = performance.now();
    const full = this.#bytesPerMs * BURST_MS;
    this.#tokens = Math.min(full, this.#tokens + (now - this.#filled) * this.#bytesPerMs);
    this.#filled = now;
  }
}
