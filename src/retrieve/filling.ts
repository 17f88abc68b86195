import { setTimeout } from "node:timers/promises";
import type { Want } from "../core/distfile.ts";
import type { FlightClaim } from "../core/claim/flight-claim.ts";
import type { GrowingUse, Source, SourceFinder, UpstreamFinder } from "../core/source.ts";
import { Contest } from "./contest.ts";
import type { Expectations } from "./expectations.ts";
import type { FlightCopy } from "./flight-copy.ts";
import type { Intake } from "./intake.ts";
import { onlyWay, Race, type RacingWay } from "./race.ts";
import { NOTHING_ASKED, growingUse, nextStep, type Asked } from "./source-plan.ts";
import type { TransferQueue } from "./transfer-queue.ts";
import { UpstreamAsker } from "./upstream-asker.ts";

/** Rounds over all sources while each round brings bytes; a mirror that closes at every tenth of a file needs ten. */
const MAX_ROUNDS = 20;
/**
 * A download under way outlasts so many milliseconds without a network, as wget's would (-T 60): a cable is out for a
 * moment, a WLAN changed. It is looked for again as often as this.
 */
const OUTAGE_MS = 60_000;
const LOOK_AGAIN_MS = 1000;

/** What filling uses. */
export interface FillingComponents {
  readonly sources: {
    readonly peers: SourceFinder;
    readonly upstream: UpstreamFinder;
    /** Peers with more patience, for when upstream has failed. */
    readonly lastResort: SourceFinder;
  };
  readonly queue: TransferQueue;
  readonly copy: FlightCopy;
  readonly claim: FlightClaim;
  readonly intake: Intake;
  readonly expectations: Expectations;
}

/** What filling is about. */
interface FillingInit {
  readonly want: Want;
  readonly signal: AbortSignal;
}

/** Fills a growing copy: asks peers and upstream in their order, as the claims of all boxes have it. */
export class Filling {
  readonly #components: FillingComponents;
  readonly #want: Want;
  readonly #signal: AbortSignal;
  readonly #asker: UpstreamAsker;
  readonly #contest: Contest;

  constructor(components: FillingComponents, { want, signal }: FillingInit) {
    this.#components = components;
    this.#want = want;
    this.#signal = signal;
    this.#asker = new UpstreamAsker(components, { want });
    this.#contest = new Contest({ ...components, asker: this.#asker }, { want });
  }

  /**
   * Resolves when all bytes are there.
   *
   * @throws {DistswarmError} `NOT_FOUND`, `NO_SOURCE`; `STORE_FULL` and `STORE_UNUSABLE` when no client waits; the signal's
   * reason.
   */
  async fill(): Promise<void> {
    const { intake, sources } = this.#components;
    for (let round = 0; intake.missing > 0; round += 1) {
      const before = intake.taken;
      await this.#roundWithNetwork();
      const stuck = intake.taken === before || round === MAX_ROUNDS;
      if (intake.missing === 0 || !stuck) continue;
      this.#signal.throwIfAborted(); // whoever looks for sources is told of none then
      throw intake.outOfSources(await sources.upstream.withheld(this.#want));
    }
  }

  /** A round; again and again while this box has lost its network in mid-download. */
  async #roundWithNetwork(): Promise<void> {
    const { intake } = this.#components;
    const before = intake.taken;
    const until = performance.now() + OUTAGE_MS;
    const isWaiting = (): boolean => intake.isCutOff && intake.taken === before && performance.now() < until;
    await this.#round();
    if (before === 0) return;
    while (isWaiting()) {
      await setTimeout(LOOK_AGAIN_MS, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
      await this.#round();
    }
  }

  async #round(): Promise<void> {
    const { sources, claim, intake } = this.#components;
    let asked = NOTHING_ASKED;
    while (intake.missing > 0) {
      const turn = this.#asker.turn();
      switch (nextStep(asked, turn)) {
        case "peers":
          asked = { ...asked, ...(await this.#askPeers(sources.peers, growingUse(turn), asked.upstream)) };
          break;
        case "wait":
          await claim.news(this.#signal);
          asked = { ...asked, peers: false };
          break;
        case "upstream":
          asked = (await this.#asker.ask(turn, onlyWay(this.#signal)))
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

  /**
   * Asks peers, and upstream beside the silent ones, once; tells what has been asked in vain by then. Where a growing copy
   * brought bytes, who has it is to be asked anew: the others were known before that, and may be gone.
   */
  async #askPeers(
    finder: SourceFinder,
    growing: GrowingUse,
    isUpstreamAsked: boolean,
  ): Promise<Pick<Asked, "peers" | "upstream">> {
    const { intake } = this.#components;
    const signal = this.#signal;
    const before = intake.taken;
    for await (const source of finder.sources(this.#want, { signal, growing })) {
      if (!intake.isUseful(source)) continue;
      isUpstreamAsked = await this.#askInRace(source, isUpstreamAsked);
      if (source.isGrowing === true && intake.taken > before) return { peers: false, upstream: isUpstreamAsked };
      if (intake.missing === 0) break;
    }
    return { peers: true, upstream: isUpstreamAsked };
  }

  /**
   * Asks a peer, and upstream beside it when it is silent, or when it receives the blob itself, has given nothing of it
   * yet, and may be one of the agents that begin to wait here for it. Returns whether upstream has been asked in vain.
   */
  async #askInRace(source: Source, isUpstreamAsked: boolean): Promise<boolean> {
    const { queue, sources } = this.#components;
    const race = new Race(this.#signal);
    const peer = race.enter();
    let beside: Promise<boolean> | undefined;
    const silent = (): void => {
      beside ??= this.#askUpstreamBeside(peer, race.enter());
      beside.catch(() => {}); // it is looked at below
    };
    const awaited = (): void => {
      if (!race.isDecided) silent(); // two that both give cannot fill one copy
    };
    const entry = { race, way: peer, isUpstreamAsked, ...(!isUpstreamAsked && { silent }) };
    const isInDoubt = source.isGrowing === true && !isUpstreamAsked;
    const ended = isInDoubt ? sources.upstream.onAwaited(this.#want.digest, awaited) : undefined;
    try {
      await queue.run("peer", peer.signal, () => this.#contest.take(source, entry)).finally(ended);
      return (await beside) ?? isUpstreamAsked;
    } finally {
      race.over();
    }
  }

  /**
   * Asks upstream where it is this box's turn; when that has brought nothing,
   * or is not to be, the silent peer is given up.
   */
  async #askUpstreamBeside(peer: RacingWay, upstream: RacingWay): Promise<boolean> {
    const { claim } = this.#components;
    const turn = this.#asker.turn();
    try {
      const isAsked = turn !== "theirs" && (await this.#asker.ask(turn, upstream));
      return isAsked && !upstream.signal.aborted;
    } catch (error) {
      if (!upstream.signal.aborted) throw error;
      return false;
    } finally {
      if (upstream.signal.aborted) claim.release({ failed: false });
      peer.giveUp(new Error("silent for too long"));
    }
  }
}
