import { DistswarmError } from "../core/errors.ts";
import { abortable } from "../core/async/pulse.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Guard } from "./guard.ts";
import { isDate, newestDate, unitName } from "./name.ts";
import type { Rumours } from "./rumours.ts";
import type { Shelf, ShelvedUnit } from "./shelf.ts";

/** What pulling uses. */
interface PullerComponents {
  readonly shelf: Shelf;
  readonly rumours: Rumours;
  readonly guard: Guard;
  readonly fetcher: Fetcher;
}

/** Gets units onto the shelf when somebody asks for them: `snapshot pull`. */
export class Puller {
  readonly #components: PullerComponents;
  readonly #now: () => number;

  /** `now`: milliseconds since 1970. */
  constructor(components: PullerComponents, init: { now: () => number }) {
    this.#components = components;
    this.#now = init.now;
  }

  /**
   * Gets a unit onto the shelf now, from peers or upstream; without a date the newest that a peer can give or that
   * there may be. One that is there already is only named.
   *
   * @throws {DistswarmError} `INVALID_REQUEST` for what is no date, or an older one than is kept; `NO_KEYRING`;
   * `NOT_FOUND`, `NO_SOURCE`, `SNAPSHOT_REFUSED`, and what broke it off.
   */
  async pull(date: string | undefined, signal: AbortSignal): Promise<ShelvedUnit> {
    const { shelf, guard, fetcher } = this.#components;
    const wanted = date ?? (await this.#newest(signal));
    if (!isDate(wanted)) throw new DistswarmError("INVALID_REQUEST", `not a date (YYYYMMDD): ${wanted.slice(0, 40)}`);
    const judged = await guard.judgement(wanted);
    if (judged === undefined) throw new DistswarmError("NO_KEYRING", guard.reason ?? "no usable key");
    if (!shelf.has(wanted)) {
      if (!shelf.hasRoomFor(wanted)) throw tooOld(wanted);
      const isPulled = await fetcher.fromPeers(judged, { signal });
      if (!isPulled) await abortable(fetcher.fromUpstream(judged).done, signal);
    }
    const unit = shelf.units().find(({ date }) => date === wanted);
    if (unit === undefined) throw tooOld(wanted);
    return unit;
  }

  /** The newest date that there is: one that peers announce counts from when it has come from them. */
  async #newest(signal: AbortSignal): Promise<string> {
    const { shelf, rumours, guard, fetcher } = this.#components;
    const newest = newestDate(this.#now());
    for (const date of rumours.dates().filter((date) => date > newest)) {
      if (shelf.has(date)) return date;
      const judged = await guard.judgement(date);
      if (judged !== undefined && (await fetcher.fromPeers(judged, { signal }))) return date;
    }
    return newest;
  }
}

function tooOld(date: string): DistswarmError {
  return new DistswarmError(
    "INVALID_REQUEST",
    `${unitName(date)} is older than all that are kept: raise snapshot.keep to keep it`,
  );
}
