import { BoundedMap } from "../../core/data/bounded-map.ts";
import { authorityOf } from "../../core/net/host.ts";
import type { Place } from "../transport.ts";

/** With no session so long after it was heard there will be none: it takes milliseconds. Announcements come every 30 s. */
const SURE_AFTER_MS = 50_000;
/** A box that was not heard for so long is switched off: of its announcements, one may be lost. */
const GONE_AFTER_MS = 75_000;
/** Boxes remembered, those that were heard last. */
const MAX_BOXES = 512;

/** A box that is heard and is no peer; times by the clock of {@link Unanswered}, in milliseconds. */
interface Heard {
  readonly address: string;
  readonly since: number;
  readonly heardAt: number;
}

/**
 * Notices boxes of this network that announce themselves, and with which there is no session all the same: a firewall lets
 * multicast pass, and not the swarm. Neither box would say why it is alone.
 */
export class Unanswered {
  readonly #boxes = new BoundedMap<string, Heard>(MAX_BOXES);
  readonly #isSettled: (id: string) => boolean;
  readonly #now: () => number;

  /**
   * `isSettled`: whether a box is a peer, or is kept from being one here. `now`: milliseconds since some moment. @default
   * the system's
   */
  constructor({
    isSettled,
    now = () => performance.now(),
  }: {
    isSettled: (id: string) => boolean;
    now?: () => number;
  }) {
    this.#isSettled = isSettled;
    this.#now = now;
  }

  /** A box announced itself at this place. Returns whether it is told among {@link Unanswered.addresses} from now on. */
  heard(id: string, { host, port }: Place): boolean {
    const now = this.#now();
    const before = this.#boxes.get(id);
    if (this.#isSettled(id)) {
      this.#boxes.delete(id);
      return false;
    }
    const since = before === undefined || isGone(before, now) ? now : before.since;
    const box = { address: authorityOf(host, port), since, heardAt: now };
    this.#boxes.set(id, box);
    return isSure(box, now) && (before === undefined || !isSure(before, before.heardAt));
  }

  /** Gives those that are peers now their time again: call it often, as a session may come and go between announcements. */
  forgetSettled(): void {
    for (const id of this.#boxes.keys()) if (this.#isSettled(id)) this.#boxes.delete(id);
  }

  /** Where they are: `host:port`. */
  addresses(): string[] {
    const now = this.#now();
    const silent = [...this.#boxes].filter(
      ([id, box]) => !this.#isSettled(id) && !isGone(box, now) && isSure(box, now),
    );
    return silent.map(([, { address }]) => address);
  }
}

function isGone({ heardAt }: Heard, now: number): boolean {
  return now - heardAt > GONE_AFTER_MS;
}

function isSure({ since }: Heard, now: number): boolean {
  return now - since >= SURE_AFTER_MS;
}
