import type { Origin } from "../core/source.ts";
import type { Tally, Traffic } from "../core/report/traffic.ts";

/** Counts what this box gave, since the start. */
export class TrafficCounter {
  readonly #served: Record<Origin, Tally> = { store: NONE, peer: NONE, upstream: NONE };
  readonly #uploaded: () => Tally;
  #passed = NONE;

  /** `uploaded` tells what peers were given by this box, which the data plane counts by peer. */
  constructor(components: { uploaded: () => Tally }) {
    this.#uploaded = components.uploaded;
  }

  /** A client was given a verified distfile, or a range of it. */
  served(origin: Origin, bytes: number): void {
    this.#served[origin] = add(this.#served[origin], bytes);
  }

  /** Something without a known digest passed through. */
  passed(bytes: number): void {
    this.#passed = add(this.#passed, bytes);
  }

  /** The counts as the status shows them. */
  counts(): Traffic {
    return { served: { ...this.#served }, uploaded: this.#uploaded(), passed: this.#passed };
  }
}

const NONE: Tally = { requests: 0, bytes: 0 };

function add(tally: Tally, bytes: number): Tally {
  return { requests: tally.requests + 1, bytes: tally.bytes + bytes };
}
