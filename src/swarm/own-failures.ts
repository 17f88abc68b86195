import { BoundedMap } from "../core/data/bounded-map.ts";
import type { Digest } from "../core/digest.ts";
import type { Clock } from "./clock.ts";

/** A failure counts for so long: by then the sources may be back. */
const COUNTS_MS = 60_000;
/** Subjects remembered, the last ones. */
const MAX_SUBJECTS = 4096;

/** For what all sources of this box failed lately, and how often: the others are to try before it tries again. */
export class OwnFailures {
  readonly #clock: Clock;
  readonly #failures = new BoundedMap<Digest, { readonly count: number; readonly until: number }>(MAX_SUBJECTS);

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** All sources of a subject have failed. */
  add(subject: Digest): void {
    this.#failures.set(subject, { count: this.of(subject) + 1, until: this.#clock.now() + COUNTS_MS });
  }

  /** How often they have, each time within a minute of the time before. */
  of(subject: Digest): number {
    const { count, until } = this.#failures.get(subject) ?? { count: 0, until: 0 };
    return this.#clock.now() < until ? count : 0;
  }
}
