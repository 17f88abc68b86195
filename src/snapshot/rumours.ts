import { Pulse } from "../core/pulse.ts";
import { identityOf, parseAnnouncements, type DatedAnnouncement } from "./announcement.ts";

/** What the peers announce, and which of it turned out wrong on this box. */
export class Rumours {
  readonly #byPeer = new Map<string, readonly DatedAnnouncement[]>();
  readonly #refused = new Set<string>();
  readonly #changed = new Pulse();

  /** A peer's present announcements, unvalidated. Returns what could be read of them. */
  heard(peer: string, announcements: unknown): readonly DatedAnnouncement[] {
    const parsed = parseAnnouncements(announcements);
    this.#byPeer.set(peer, parsed);
    this.#changed.fire();
    return parsed;
  }

  gone(peer: string): void {
    this.#byPeer.delete(peer);
    this.#forgetUnheard();
  }

  /** The units of a date that are worth a try, those of most peers first. */
  candidates(date: string): DatedAnnouncement[] {
    const byIdentity = new Map<string, DatedAnnouncement[]>();
    for (const one of this.#all()) {
      if (one.date !== date || this.#refused.has(identityOf(one))) continue;
      byIdentity.set(identityOf(one), [...(byIdentity.get(identityOf(one)) ?? []), one]);
    }
    return [...byIdentity.values()].sort((a, b) => b.length - a.length).map(([first]) => first!);
  }

  /** The dates for which there are candidates. */
  dates(): string[] {
    const dates = new Set(this.#all().map(({ date }) => date));
    return [...dates].filter((date) => this.candidates(date).length > 0);
  }

  /** Ids of the peers that announce the very files of `unit`, sorted. */
  peersWith(unit: Pick<DatedAnnouncement, "files">): string[] {
    const identity = identityOf(unit);
    const having = [...this.#byPeer].filter(([, list]) => list.some((one) => identityOf(one) === identity));
    return having.map(([peer]) => peer).sort();
  }

  /** Its files failed a check here: it is no candidate any more, whoever announces it. */
  refuse(announcement: DatedAnnouncement): void {
    this.#refused.add(identityOf(announcement));
  }

  /** The keyring changed: what was refused may be tried again. */
  forgive(): void {
    this.#refused.clear();
  }

  /** Resolves when, from now on, some peer announces a candidate of `date`; throws the signal's reason. */
  async announced(date: string, signal: AbortSignal): Promise<void> {
    do await this.#changed.wait(signal);
    while (this.candidates(date).length === 0);
  }

  #all(): DatedAnnouncement[] {
    return [...this.#byPeer.values()].flat();
  }

  /** Keeps the memory of refusals as small as what is being announced. */
  #forgetUnheard(): void {
    const heard = new Set(this.#all().map(identityOf));
    for (const identity of this.#refused) if (!heard.has(identity)) this.#refused.delete(identity);
  }
}
