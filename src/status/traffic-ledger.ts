import { isDeepStrictEqual } from "node:util";
import type { Startable } from "../core/lifecycle.ts";
import type { Status } from "../core/report/status.ts";
import type { Tally, Traffic } from "../core/report/traffic.ts";
import type { TrafficCounter } from "./traffic-counter.ts";

/** An agent that is killed forgets what it counted since. */
const SAVE_EVERY_MS = 60_000;
const KEY = "ledger";

/** What is written down. */
interface Entry extends NonNullable<Status["traffic"]> {
  /** The day that `today` is, `YYYY-MM-DD` by the clock of this box. */
  readonly day: string;
}

/** What the ledger adds up, and where it is written down. */
interface TrafficLedgerComponents {
  readonly counter: TrafficCounter;
  /** Sublevel with JSON values. */
  readonly table: { get(key: string): Promise<Entry | undefined>; put(key: string, value: Entry): Promise<void> };
}

/** Keeps what was counted, today and in total, over restarts. */
export class TrafficLedger implements Startable {
  readonly #components: TrafficLedgerComponents;
  readonly #now: () => Date;
  #entry: Entry;
  /** What of the counter is in the entry. */
  #counted: Traffic;
  /** The total that was written down last, or read. */
  #saved: Traffic;
  #timer: NodeJS.Timeout | undefined;

  constructor(components: TrafficLedgerComponents, init: { now?: () => Date } = {}) {
    this.#components = components;
    this.#now = init.now ?? (() => new Date());
    this.#entry = { day: dayOf(this.#now()), today: NOTHING, total: NOTHING };
    this.#counted = NOTHING;
    this.#saved = NOTHING;
  }

  async start(): Promise<void> {
    if (this.#timer !== undefined) return;
    this.#entry = (await this.#components.table.get(KEY)) ?? this.#entry;
    this.#saved = this.#entry.total;
    this.#timer = setInterval(() => void this.#save(), SAVE_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#save();
  }

  /** Today's and all, up to now. */
  totals(): NonNullable<Status["traffic"]> {
    const counts = this.#components.counter.counts();
    const fresh = combine(counts, this.#counted, (now, before) => now - before);
    const day = dayOf(this.#now());
    const { today, total } = this.#entry;
    this.#entry = { day, today: add(day === this.#entry.day ? today : NOTHING, fresh), total: add(total, fresh) };
    this.#counted = counts;
    return { today: this.#entry.today, total: this.#entry.total };
  }

  /**
   * Writes down what was counted since the last time; nothing where nothing was, for the disk of an idle box may sleep. What
   * finds no room is written with the next; at the end it is lost, which is no failure of the agent.
   */
  async #save(): Promise<void> {
    const { total } = this.totals();
    if (isDeepStrictEqual(total, this.#saved)) return;
    const saved = (): void => void (this.#saved = total);
    await this.#components.table.put(KEY, this.#entry).then(saved, () => {});
  }
}

const NO_TALLY: Tally = { requests: 0, bytes: 0 };
const NOTHING: Traffic = {
  served: { store: NO_TALLY, peer: NO_TALLY, upstream: NO_TALLY },
  uploaded: NO_TALLY,
  passed: NO_TALLY,
};

type Operation = (a: number, b: number) => number;

function add(a: Traffic, b: Traffic): Traffic {
  return combine(a, b, (x, y) => x + y);
}

function combine(a: Traffic, b: Traffic, operation: Operation): Traffic {
  const tally = (x: Tally, y: Tally): Tally => ({
    requests: operation(x.requests, y.requests),
    bytes: operation(x.bytes, y.bytes),
  });
  return {
    served: {
      store: tally(a.served.store, b.served.store),
      peer: tally(a.served.peer, b.served.peer),
      upstream: tally(a.served.upstream, b.served.upstream),
    },
    uploaded: tally(a.uploaded, b.uploaded),
    passed: tally(a.passed, b.passed),
  };
}

function dayOf(time: Date): string {
  const part = (number: number) => String(number).padStart(2, "0");
  return `${time.getFullYear()}-${part(time.getMonth() + 1)}-${part(time.getDate())}`;
}
