import type { PeerStatus } from "../core/agent-api.ts";
import type { Place } from "./transport.ts";

/** How a box was found. */
export type Found = NonNullable<PeerStatus["found"]>;

/** Places remembered for one box, newest first. */
const MAX_PLACES = 3;
/** Boxes known at once; what is told beyond them is not believed. */
const MAX_BOXES = 512;
/** A box that is neither heard of nor connected for so long is not dialled any more. */
const FORGET_AFTER_MS = 3_600_000;

/** A box that may be a member, and where it may be. */
export interface KnownBox {
  readonly id: string;
  /** How it was found first; `mdns` once it was heard by multicast, so that doctor sees that multicast passes. */
  readonly found: Found;
  readonly places: readonly Place[];
  readonly heardAt: number;
}

/** The boxes that discovery has found: whom to dial, and where. */
export class KnownBoxes {
  readonly #boxes = new Map<string, KnownBox>();
  readonly #now: () => number;

  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Notes that a box may be at a place; true when that is news. */
  learn(id: string, place: Place, found: Found): boolean {
    const known = this.#boxes.get(id);
    if (known === undefined && this.#boxes.size >= MAX_BOXES) return false;
    const others = known?.places.filter(({ host, port }) => host !== place.host || port !== place.port) ?? [];
    const isNews = others.length === (known?.places.length ?? 0);
    const places = [place, ...others].slice(0, MAX_PLACES);
    this.#boxes.set(id, {
      id,
      found: found === "mdns" ? found : (known?.found ?? found),
      places,
      heardAt: this.#now(),
    });
    return isNews;
  }

  /** What is known of a box. */
  get(id: string): KnownBox | undefined {
    return this.#boxes.get(id);
  }

  /** All, to be dialled. */
  all(): readonly KnownBox[] {
    return [...this.#boxes.values()];
  }

  /** Forgets those not heard of for an hour; they are returned. `isConnected` ones count as heard of. */
  forgetLost(isConnected: (id: string) => boolean): readonly KnownBox[] {
    const lost: KnownBox[] = [];
    for (const box of this.#boxes.values()) {
      if (isConnected(box.id)) this.#boxes.set(box.id, { ...box, heardAt: this.#now() });
      else if (this.#now() - box.heardAt > FORGET_AFTER_MS) lost.push(box);
    }
    for (const { id } of lost) this.#boxes.delete(id);
    return lost;
  }

  /** Forgets all. */
  clear(): void {
    this.#boxes.clear();
  }
}
