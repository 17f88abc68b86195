import { ownAddresses } from "../../core/net/own-addresses.ts";
import type { Place } from "../transport.ts";

/** A twin that was not heard for so long is no more: an announcement comes every 30 s, and a few may be lost. */
const GONE_AFTER_MS = 120_000;

/**
 * Notices another box that announces itself by this box's id: a disk was cloned with the identity on it. The others take
 * both for one box that moves to and fro, and sessions break each time.
 */
export class Twin {
  readonly #addresses: () => readonly string[];
  readonly #now: () => number;
  #place: Place | undefined;
  #heardAt = 0;

  /** `addresses`: those of this box now. `now`: milliseconds since some moment. @default the system's */
  constructor({ addresses = ownAddresses, now = () => performance.now() } = {}) {
    this.#addresses = addresses;
    this.#now = now;
  }

  /**
   * An announcement of this box's id came from `place`, which is this box itself where the network sends it back: also at
   * `self`, where it announces itself, which is no address of this box any more as soon as the cable is pulled. Returns
   * whether there is a twin that was not known.
   */
  heard(place: Place, self: string): boolean {
    if (place.host === self || this.#addresses().includes(place.host)) return false;
    const isNews = this.#place?.host !== place.host;
    this.#place = place;
    this.#heardAt = this.#now();
    return isNews;
  }

  /** Another id was announced from `place`: if the twin was there, it has an identity of its own by now. */
  heardOther({ host, port }: Place): void {
    if (this.#place?.host === host && this.#place.port === port) this.#place = undefined;
  }

  /** What is wrong and how to mend it, `identityFile` naming the file; undefined when there is no twin. */
  problem(identityFile: string): string | undefined {
    if (this.#place === undefined || this.#now() - this.#heardAt > GONE_AFTER_MS) return undefined;
    const mend = `on one of them stop the agent, delete ${identityFile}, and start it`;
    return `the box at ${this.#place.host} has the same identity as this one (was its disk cloned?): ${mend}`;
  }
}
