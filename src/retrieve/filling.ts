import type { Want } from "../core/distfile.ts";
import type { GrowingUse, Source, SourceFinder } from "../core/source.ts";
import type { FlightClaim } from "./flight-claim.ts";
import type { FlightCopy } from "./flight-copy.ts";
import type { Intake } from "./intake.ts";
import { onlyWay, Race, type Way } from "./race.ts";
import { NOTHING_ASKED, growingUse, nextStep, type Asked, type Turn } from "./source-plan.ts";
import type { TransferQueue } from "./transfer-queue.ts";

/** Rounds over all sources while each round brings bytes; a mirror that closes at every tenth of a file needs ten. */
const MAX_ROUNDS = 20;

/** Of a claim that nobody can take over. */
const NEVER = new AbortController().signal;

/** What filling uses. */
export interface FillingComponents {
  readonly sources: {
    readonly peers: SourceFinder;
    readonly upstream: SourceFinder;
    /** Peers with more patience, for when upstream has failed. */
    readonly lastResort: SourceFinder;
  };
  readonly queue: TransferQueue;
  readonly copy: FlightCopy;
  readonly claim: FlightClaim;
  readonly intake: Intake;
}

/** What filling is about. */
export interface FillingInit {
  readonly want: Want;
  readonly signal: AbortSignal;
}

/** Fills a growing copy: asks peers and upstream in their order, as the claims of all boxes have it. */
export class Filling {
  readonly #components: FillingComponents;
  readonly #want: Want;
  readonly #signal: AbortSignal;

  constructor(components: FillingComponents, { want, signal }: FillingInit) {
    this.#components = components;
    this.#want = want;
    this.#signal = signal;
  }

  /**
   * Resolves when all bytes are there.
   *
   * @throws {DistswarmError} `NOT_FOUND`, `NO_SOURCE`; `STORE_FULL` and `STORE_UNUSABLE` when no client waits; the signal's
   * reason.
   */
  async fill(): Promise<void> {
    const { intake } = this.#components;
    for (let round = 0; intake.missing > 0; round += 1) {
      const before = intake.taken;
      await this.#round();
      const stuck = intake.taken === before || round === MAX_ROUNDS;
      if (intake.missing > 0 && stuck) throw intake.outOfSources();
    }
  }

  async #round(): Promise<void> {
    const { sources, claim, intake } = this.#components;
    let asked = NOTHING_ASKED;
    while (intake.missing > 0) {
      const turn = this.#turn();
      switch (nextStep(asked, turn)) {
        case "peers":
          asked = { ...asked, ...(await this.#askPeers(sources.peers, growingUse(turn), asked.upstream)) };
          break;
        case "wait":
          await claim.news(this.#signal);
          asked = { ...asked, peers: false };
          break;
        case "upstream":
          asked = (await this.#askUpstream(turn, onlyWay(this.#signal)))
            ? { ...asked, upstream: true }
            : { ...asked, peers: false };
          break;
        case "last-resort":
          await this.#askPeers(sources.lastResort, "none", true);
          asked = { ...asked, lastResort: true };
          break;
        case "give-up":
          return;
      }
    }
  }

  /** Whose turn it is; a copy that peers cannot read is made for this box alone. */
  #turn(): Turn {
    const { claim, copy } = this.#components;
    return copy.isKept ? claim.turn(copy.received) : "alone";
  }

  /**
   * Asks peers, and upstream beside the silent ones, once; tells what has been asked in vain by then. Where a growing copy
   * brought bytes, who has it is to be asked anew: the others were known before that, and may be gone.
   */
  async #askPeers(
    finder: SourceFinder,
    growing: GrowingUse,
    isUpstreamAsked: boolean,
  ): Promise<Pick<Asked, "peers" | "upstream">> {
    const { queue, intake } = this.#components;
    const signal = this.#signal;
    const before = intake.taken;
    for await (const source of finder.sources(this.#want, { signal, growing })) {
      if (!intake.isUseful(source)) continue;
      if (isUpstreamAsked) await queue.run("peer", signal, () => intake.take(source, onlyWay(signal)));
      else isUpstreamAsked = await this.#askInRace(source);
      if (source.isGrowing === true && intake.taken > before) return { peers: false, upstream: isUpstreamAsked };
      if (intake.missing === 0) break;
    }
    return { peers: true, upstream: isUpstreamAsked };
  }

  /** Asks a peer, and when it is silent upstream beside it; returns whether upstream has been asked in vain. */
  async #askInRace(source: Source): Promise<boolean> {
    const { queue, intake } = this.#components;
    const race = new Race(this.#signal);
    const peer = race.enter();
    let beside: Promise<boolean> | undefined;
    const silent = (): void => {
      beside ??= this.#askUpstreamBeside(peer, race.enter());
      beside.catch(() => {}); // it is looked at below
    };
    await queue.run("peer", peer.signal, () => intake.take(source, peer, { silent }));
    return (await beside) ?? false;
  }

  /** Asks upstream where it is this box's turn; when that has brought nothing, or is not to be, the silent peer is given up. */
  async #askUpstreamBeside(peer: Way, upstream: Way): Promise<boolean> {
    const { claim } = this.#components;
    const turn = this.#turn();
    try {
      const isAsked = turn !== "theirs" && (await this.#askUpstream(turn, upstream));
      return isAsked && !upstream.signal.aborted;
    } catch (error) {
      if (!upstream.signal.aborted) throw error;
      return false;
    } finally {
      if (upstream.signal.aborted) claim.release({ failed: false });
      peer.giveUp(new Error("silent for too long"));
    }
  }

  /** Asks upstream when it is this box's turn; false when it is another's, or has become that. */
  async #askUpstream(turn: Turn, way: Way): Promise<boolean> {
    const { queue, claim, copy } = this.#components;
    let isOurs = true;
    await queue.run("upstream", way.signal, async () => {
      if (turn === "open") await claim.claim(copy.received, way.signal);
      isOurs = turn === "alone" || claim.lost !== undefined;
      if (turn === "open" && isOurs) await this.#takePresent(way);
      if (isOurs) isOurs = await this.#askServers(claim.lost ?? NEVER, way);
    });
    return isOurs;
  }

  /** Takes what other boxes have of it by now. Not in the queue of peers: this is the turn of those who wait there. */
  async #takePresent(way: Way): Promise<void> {
    const { sources, intake } = this.#components;
    const { signal } = way;
    for await (const source of sources.peers.sources(this.#want, { signal, growing: "present" })) {
      if (signal.aborted || intake.missing === 0) return;
      if (intake.isUseful(source)) await intake.take(source, way);
    }
  }

  /** False when another box took over. */
  async #askServers(lost: AbortSignal, way: Way): Promise<boolean> {
    const { sources, intake } = this.#components;
    const signal = AbortSignal.any([way.signal, lost]);
    for await (const source of sources.upstream.sources(this.#want, { signal: way.signal })) {
      if (signal.aborted || intake.missing === 0) break;
      if (intake.isUseful(source)) await intake.take(source, { ...way, signal });
    }
    return !lost.aborted;
  }
}
