import type { Pulse } from "./async/pulse.ts";

/** What a growing copy sees of its flight. */
interface GrowingFlight {
  readonly size: number;
  received(): number;
  /** Whether its bytes come from no other box: from upstream, or they are about to. */
  isRoot(): boolean;
  /** Why what was read so far is worth nothing, or nothing more will come; undefined while all is well. */
  failure(): unknown;
  readonly changed: Pulse;
  read(position: number, length: number, into?: Buffer): Promise<Buffer>;
  left(): void;
}

/** A blob on its way here, as a peer may read it: unverified, for the peer checks the digest itself. */
export class GrowingCopy {
  readonly #flight: GrowingFlight;
  #closed = false;

  constructor(flight: GrowingFlight) {
    this.#flight = flight;
  }

  get size(): number {
    return this.#flight.size;
  }

  /** Bytes present now, counted from 0. */
  get received(): number {
    return this.#flight.failure() === undefined ? this.#flight.received() : 0;
  }

  /** See {@link GrowingFlight.isRoot}. */
  get isRoot(): boolean {
    return this.#flight.isRoot();
  }

  /**
   * Up to `length` bytes from `position`, as far as they are present, put
   * `into` a buffer. Throws when they were dropped.
   */
  async read(position: number, length: number, into?: Buffer): Promise<Buffer> {
    this.#check();
    const bytes = await this.#flight.read(position, length, into);
    this.#check();
    return bytes;
  }

  /**
   * Resolves when more than `position` bytes are present. Rejects when no more will come, when the bytes so far were
   * dropped, or with the signal's reason.
   */
  async grown(position: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#check();
      if (this.#flight.received() > position) return;
      await this.#flight.changed.wait(signal);
    }
  }

  /** Lets go of it; safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flight.left();
  }

  #check(): void {
    const failure = this.#flight.failure();
    if (failure !== undefined) throw failure as Error;
  }
}
