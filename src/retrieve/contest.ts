import type { Want } from "../core/distfile.ts";
import type { Source, SourceKind } from "../core/source.ts";
import { idOf } from "./contributors.ts";
import { Duel, Giver } from "./duel.ts";
import type { Expectations } from "./expectations.ts";
import type { Taking } from "./intake.ts";
import type { Race, RacingWay } from "./race.ts";
import { growingUse } from "./source-plan.ts";
import type { UpstreamAsker, UpstreamAskerComponents } from "./upstream-asker.ts";
import { worthRacing } from "./worth-racing.ts";

/**
 * After nobody was faster, others are looked for again so many milliseconds
 * later; twice as long after each further time.
 */
const PAUSE_MS = 1000;
/** Races that are decided in one flight, at most: two that only start fast could take turns for ever. */
const MAX_RACES = 4;

/** What a contest uses. */
interface ContestComponents extends UpstreamAskerComponents {
  readonly asker: UpstreamAsker;
  readonly expectations: Expectations;
}

/** How a source is taken from in a contest. */
interface Entry extends Pick<Taking, "silent" | "opponent"> {
  /** Its race, and its way in it. */
  readonly race: Race;
  readonly way: RacingWay;
  /** Whether upstream was asked in vain a moment ago. */
  readonly isUpstreamAsked: boolean;
  /** Bytes a second of the source in whose place this one is: when it gives less, it is left. @default 0 */
  readonly atLeast?: number;
}

/**
 * Takes from peers; while one is slow, others are raced against it from the byte reached, and the faster one is kept. To be
 * slow is no lie: who is, is let go of, and asked after others for a while.
 */
export class Contest {
  readonly #components: ContestComponents;
  readonly #want: Want;
  readonly #left = new Set<string>();
  #decided = 0;
  #pauseMs = PAUSE_MS;
  #pausedUntil = -Infinity;

  constructor(components: ContestComponents, { want }: { readonly want: Want }) {
    this.#components = components;
    this.#want = want;
  }

  /**
   * Takes what a source gives, and what those give that outpace it.
   *
   * @throws {DistswarmError} as `Intake.take`.
   */
  async take(source: Source, entry: Entry): Promise<void> {
    const { silent, opponent, way, atLeast = 0 } = entry;
    const challenges: Promise<void>[] = [];
    let isRacing = false;
    const paced = (rate: number): void => {
      if (way.signal.aborted) return;
      if (rate > 0 && rate < atLeast) {
        source.outpaced?.();
        return way.leave(new Error("it turned out slower than the one before"));
      }
      const kinds = isRacing ? [] : this.#worthRacing(source, rate, entry);
      if (kinds.length === 0) return;
      if (this.#components.intake.asksAlone) return this.#leaveOnce(source, way);
      isRacing = true;
      const giver = new Giver(source, { rate, ended });
      const challenge = this.#challenge(giver, kinds, entry).finally(() => (isRacing = false));
      challenge.catch(() => {}); // it is looked at below
      challenges.push(challenge);
    };
    const taking = { ...(silent && { silent }), ...(opponent && { opponent }), paced };
    const taken = this.#components.intake.take(source, way, taking);
    const ended = taken.catch((error: Error) => entry.race.end(error));
    try {
      await taken;
    } finally {
      await Promise.all(challenges);
    }
  }

  /** What kinds of source are to be raced against one now. */
  #worthRacing(source: Source, rate: number, { isUpstreamAsked }: Entry): readonly SourceKind[] {
    const { intake, copy, claim, queue, expectations } = this.#components;
    if (this.#decided >= MAX_RACES || performance.now() < this.#pausedUntil) return [];
    const isGrowing = source.isGrowing === true;
    const expected = (kind: SourceKind): number => expectations.of(kind, { isGrowing });
    const lead = isGrowing ? claim.lead(copy.received) : Infinity;
    return worthRacing({
      rate,
      isGrowing,
      left: { peer: Math.min(lead, intake.missing), upstream: intake.missing },
      expected: { peer: expected("peer"), upstream: isUpstreamAsked ? 0 : expected("upstream") },
      transfers: queue.running,
    });
  }

  /**
   * Where each source is asked for all of it, bytes of others cannot go on
   * with those of a slow one: it is tried after them.
   */
  #leaveOnce(source: Source, way: RacingWay): void {
    if (this.#left.has(idOf(source))) return;
    this.#left.add(idOf(source));
    way.leave(new Error("it is slow, and others are to be asked first"));
  }

  /** Races others against one, one kind after the other, until one is faster. Meanwhile its word counts for nothing. */
  async #challenge(giver: Giver, kinds: readonly SourceKind[], entry: Entry): Promise<void> {
    const trust = giver.source.doubt?.();
    try {
      for (const kind of kinds) if (giver.isOver || (await this.#raceWith(kind, giver, entry))) return;
      this.#pausedUntil = performance.now() + this.#pauseMs;
      this.#pauseMs *= 2;
    } finally {
      trust?.();
    }
  }

  /** Races a kind of source against one; false when that is lost, else true when what won has given what it could. */
  async #raceWith(kind: SourceKind, giver: Giver, { race, isUpstreamAsked }: Entry): Promise<boolean> {
    const { expectations, intake } = this.#components;
    const way = race.enter();
    const decided = (outcome: { readonly isWon: boolean }): void => {
      this.#decided += 1;
      expectations.raced(kind, outcome);
    };
    const duel = new Duel(giver, way, { decided });
    void giver.ended.then(() => intake.missing === 0 && duel.end());
    try {
      if (kind === "upstream") await this.#askUpstream(way, duel);
      else await this.#askPeers({ race, way, isUpstreamAsked, opponent: duel, atLeast: giver.rate });
    } catch (error) {
      if (!way.signal.aborted) throw error;
    } finally {
      duel.end();
    }
    return duel.isWon;
  }

  async #askPeers(entry: Entry): Promise<void> {
    const { sources, intake, asker } = this.#components;
    const { signal } = entry.way;
    for await (const source of sources.peers.sources(this.#want, { signal, growing: growingUse(asker.turn()) })) {
      if (signal.aborted || intake.missing === 0) return;
      if (intake.isUseful(source)) await this.take(source, entry);
    }
  }

  /** Where it is this box's turn: the word of the one that is raced against, that it asks upstream, does not count now. */
  async #askUpstream(way: RacingWay, duel: Duel): Promise<void> {
    const { asker, claim } = this.#components;
    const turn = asker.turn();
    if (turn === "theirs") return;
    try {
      await asker.ask(turn, way, { opponent: duel });
    } finally {
      if (turn === "open" && !duel.isWon) claim.release({ failed: false });
    }
  }
}
