import { claimText, type ClaimEvent } from "./claim-event.ts";
import { nameOf, type Want } from "../distfile.ts";
import type { Logger } from "../logger.ts";

/** What happened is remembered so many times: two boxes that take turns to claim make something happen for ever. */
const MAX_EVENTS = 100;

/** What happens between the boxes that want the blob of a flight, as it is remembered and told in the log. */
export class ClaimLog {
  readonly #log: Logger;
  readonly #want: Want;
  readonly #events: ClaimEvent[] = [];
  /** Whether the log says that another box was followed: of boxes that take turns, the first is news. */
  #hasFollowed = false;

  constructor({ log }: { readonly log: Logger }, want: Want) {
    this.#log = log;
    this.#want = want;
  }

  /** The last events, oldest first. */
  get events(): readonly ClaimEvent[] {
    return this.#events;
  }

  /** Something happened; `box`: the other one, for people. */
  tell(event: ClaimEvent["event"], box?: string): void {
    const told = { at: new Date().toISOString(), event, ...(box && { box }) };
    this.#events.push(told);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    const { digest } = this.#want;
    const isNews = event !== "claimed" && !(event === "followed" && this.#hasFollowed);
    if (event === "followed") this.#hasFollowed = true;
    this.#log[isNews ? "info" : "debug"]({ digest, event, box }, `${nameOf(this.#want)}: ${claimText(told)}`);
  }

  /** A box was followed in vain; for the log alone. */
  gaveNothing(box: string): void {
    const { digest } = this.#want;
    this.#log.info({ digest, box }, `${nameOf(this.#want)}: ${box} claims it and gives nothing`);
  }
}
