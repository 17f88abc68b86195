import type { Origin } from "../core/source.ts";

/** Where the doors report what they gave; the status counts it. A HEAD gives nothing, so it is not reported. */
export interface TrafficMeter {
  /** A client was given a verified distfile, or a range of it. */
  served(origin: Origin, bytes: number): void;
  /** Something without a known digest passed through. */
  passed(bytes: number): void;
}
