import { BoundedMap } from "../core/data/bounded-map.ts";
import type { Clock } from "./clock.ts";

/** The claims of a box that was followed in vain count no more for so long; twice as long at each further time. */
const LEAVE_MS = 60_000;
const LEAVE_AT_MOST_MS = 30 * 60_000;
/** Boxes remembered, the last ones: a member can invent any number. */
const MAX_BOXES = 1024;

/** What is remembered of a box. */
interface Suspension {
  /** Until when its claims do not count. */
  readonly until: number;
  /** For how long they did not. */
  readonly ms: number;
}

/**
 * Which boxes claimed downloads and gave nothing of them to those who followed. An honest box may be slow, or behind a bad
 * line: it gets another chance each time, and is forgiven when it gives bytes or has done no wrong for as long again.
 */
export class VainClaims {
  readonly #clock: Clock;
  readonly #boxes = new BoundedMap<string, Suspension>(MAX_BOXES);

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** A box was followed in vain. */
  add(id: string): void {
    const now = this.#clock.now();
    const { until, ms } = this.#boxes.get(id) ?? { until: 0, ms: 0 };
    const isRepeated = now < until + ms;
    const next = isRepeated ? Math.min(2 * ms, LEAVE_AT_MOST_MS) : LEAVE_MS;
    this.#boxes.set(id, { until: now + next, ms: next });
  }

  /** It gave bytes. */
  forgive(id: string): void {
    this.#boxes.delete(id);
  }

  /** Whether its claims do not count now. */
  has(id: string): boolean {
    return (this.#boxes.get(id)?.until ?? 0) > this.#clock.now();
  }
}
