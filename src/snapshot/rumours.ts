import { BoundedMap } from "../core/data/bounded-map.ts";
import { Pulse } from "../core/async/pulse.ts";
import { identityOf, parseAnnouncements, type DatedAnnouncement } from "./announcement.ts";
import { latestDate } from "./name.ts";

/** Peers remembered as unreliable, the latest: they may leave, and come back with the same story. */
const MAX_UNRELIABLE = 1024;

/** Units remembered as refused, the latest: one box may announce any number of them. */
const MAX_REFUSED = 1024;

/** What the peers announce, and which of it turned out wrong on this box. */
export class Rumours {
  readonly #byPeer = new Map<string, readonly DatedAnnouncement[]>();
  readonly #refused = new BoundedMap<string, true>(MAX_REFUSED);
  /** Peers that announced what they could not give, or what was refused. */
  readonly #unreliable = new BoundedMap<string, true>(MAX_UNRELIABLE);
  readonly #changed = new Pulse();
  readonly #now: () => number;

  constructor(init: { now: () => number }) {
    this.#now = init.now;
  }

  /** A peer's present announcements, unvalidated. Returns what could be read of them. */
  heard(peer: string, announcements: unknown): readonly DatedAnnouncement[] {
    const parsed = parseAnnouncements(announcements);
    this.#byPeer.set(peer, parsed);
    this.#changed.fire();
    return parsed;
  }

  /** A peer left: what it announces counts no more, what is known of its word does. */
  gone(peer: string): void {
    this.#byPeer.delete(peer);
  }

  /** The units of a date that are worth a try, those of most peers that keep their word first. */
  candidates(date: string): DatedAnnouncement[] {
    const units = new Map<string, { unit: DatedAnnouncement; votes: number }>();
    for (const [peer, announced] of this.#byPeer) {
      const unit = announced.find((one) => one.date === date);
      if (unit === undefined || date > latestDate(this.#now()) || this.#refused.has(identityOf(unit))) continue;
      const votes = units.get(identityOf(unit))?.votes ?? 0;
      units.set(identityOf(unit), { unit, votes: votes + (this.#unreliable.has(peer) ? 0 : 1) });
    }
    return [...units.values()].sort((a, b) => b.votes - a.votes).map(({ unit }) => unit);
  }

  /** Whether a peer that keeps its word announces a unit of that date. */
  isPromised(date: string): boolean {
    return this.candidates(date).some((unit) => this.peersWith(unit).some((peer) => !this.#unreliable.has(peer)));
  }

  /** The dates for which there are candidates, newest first. */
  dates(): string[] {
    const dates = new Set(this.#all().map(({ date }) => date));
    return [...dates]
      .filter((date) => this.candidates(date).length > 0)
      .sort()
      .toReversed();
  }

  /** Ids of the peers that announce the very files of `unit`, sorted. */
  peersWith(unit: Pick<DatedAnnouncement, "files">): string[] {
    const identity = identityOf(unit);
    const having = [...this.#byPeer].filter(([, list]) => list.some((one) => identityOf(one) === identity));
    return having.map(([peer]) => peer).sort();
  }

  /** Its files failed a check here: it is no candidate any more, whoever announces it. */
  refuse(announcement: DatedAnnouncement): void {
    this.failed(announcement);
    this.#refused.set(identityOf(announcement), true);
  }

  /** Those who announce it could not give it: what others announce is tried first from now on. */
  failed(announcement: DatedAnnouncement): void {
    for (const peer of this.peersWith(announcement)) this.#unreliable.set(peer, true);
  }

  /** It came, and passed all checks. */
  kept(announcement: DatedAnnouncement): void {
    for (const peer of this.peersWith(announcement)) this.#unreliable.delete(peer);
  }

  /** The keyring changed: what was refused may be tried again. */
  forgive(): void {
    this.#refused.clear();
    this.#unreliable.clear();
  }

  /** Resolves when, from now on, some peer announces a candidate of `date`; throws the signal's reason. */
  async announced(date: string, signal: AbortSignal): Promise<void> {
    do await this.#changed.wait(signal);
    while (this.candidates(date).length === 0);
  }

  #all(): DatedAnnouncement[] {
    return [...this.#byPeer.values()].flat();
  }
}
