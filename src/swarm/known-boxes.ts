import type { PeerStatus } from "../core/report/swarm-status.ts";
import type { Place } from "./transport.ts";

/** How a box was found. */
export type Found = NonNullable<PeerStatus["found"]>;

/** Places remembered for one box, newest first. */
const MAX_PLACES = 3;
/** Boxes known at once. */
const MAX_BOXES = 512;
/** Of those, boxes that are only told of, in all and by one peer: what is told beyond them is not believed. */
const MAX_TOLD = 256;
const MAX_TOLD_BY_ONE = 64;
/** A box that is neither heard of nor connected for so long is not dialled any more. */
const FORGET_AFTER_MS = 3_600_000;
/** For so long after it was heard of it is dialled all the time, and after that for so much of each minute. */
const EAGER_MS = 300_000;
const MINUTE_MS = 60_000;
const OF_EACH_MINUTE_MS = 6000;

/** A box that may be a member, and where it may be. */
export interface KnownBox {
  readonly id: string;
  /** How it was found first; `mdns` once it was heard by multicast, so that doctor sees that multicast passes. */
  readonly found: Found;
  readonly places: readonly Place[];
  readonly heardAt: number;
  /** The peer that told of it, as long as nothing else has been heard of it. */
  readonly toldBy?: string | undefined;
}

/** The boxes that discovery has found: whom to dial, and where. */
export class KnownBoxes {
  readonly #boxes = new Map<string, KnownBox>();
  readonly #now: () => number;
  /** Those that had to make room. */
  readonly #displaced: KnownBox[] = [];

  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Notes that a box may be at a place; true when that is news. `teller`: the peer that told of it. */
  learn(id: string, place: Place, found: Found, teller?: string): boolean {
    const known = this.#boxes.get(id);
    if (known === undefined && !this.#hasRoom(teller)) return false;
    const others = known?.places.filter(({ host, port }) => host !== place.host || port !== place.port) ?? [];
    const isNews = others.length === (known?.places.length ?? 0);
    const places = [place, ...others].slice(0, MAX_PLACES);
    this.#boxes.set(id, {
      id,
      found: found === "mdns" ? found : (known?.found ?? found),
      places,
      heardAt: this.#now(),
      toldBy: known === undefined ? teller : teller && known.toldBy,
    });
    return isNews;
  }

  /** Whether one more may be known. One that was found goes before one that was only told of, or that came by itself. */
  #hasRoom(teller: string | undefined): boolean {
    const told = this.all().filter(({ toldBy }) => toldBy !== undefined);
    if (teller !== undefined) {
      return told.length < MAX_TOLD && told.filter(({ toldBy }) => toldBy === teller).length < MAX_TOLD_BY_ONE;
    }
    if (this.#boxes.size < MAX_BOXES) return true;
    const victim = told[0] ?? this.all().find(({ found }) => found === "incoming");
    if (victim === undefined) return false;
    this.#boxes.delete(victim.id);
    this.#displaced.push(victim);
    return true;
  }

  /** What is known of a box. */
  get(id: string): KnownBox | undefined {
    return this.#boxes.get(id);
  }

  /** All, to be dialled. */
  all(): readonly KnownBox[] {
    return [...this.#boxes.values()];
  }

  /**
   * Whether a box is to be dialled now. One that has been gone for a while is so only now and then: in a fleet that is half
   * switched off all boxes would dial that half all the time, and one that is back announces itself and dials, too.
   */
  isDue({ heardAt }: KnownBox): boolean {
    const goneMs = this.#now() - heardAt;
    return goneMs < EAGER_MS || goneMs % MINUTE_MS < OF_EACH_MINUTE_MS;
  }

  /**
   * Forgets those not heard of for an hour; they are returned, with those that had to make room. `isConnected` ones count
   * as heard of.
   */
  forgetLost(isConnected: (id: string) => boolean): readonly KnownBox[] {
    const lost = this.#displaced.splice(0).filter(({ id }) => !this.#boxes.has(id));
    for (const box of this.#boxes.values()) {
      if (isConnected(box.id)) this.#boxes.set(box.id, { ...box, heardAt: this.#now() });
      else if (this.#now() - box.heardAt > FORGET_AFTER_MS) lost.push(box);
    }
    for (const { id } of lost) this.#boxes.delete(id);
    return lost;
  }
}
