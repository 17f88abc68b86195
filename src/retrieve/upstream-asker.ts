import type { Want } from "../core/distfile.ts";
import type { FlightClaim } from "../core/claim/flight-claim.ts";
import { LinkedAbort } from "../core/async/linked-abort.ts";
import type { Source, SourceFinder, UpstreamFinder } from "../core/source.ts";
import type { Turn } from "../core/claim/turn.ts";
import { idOf } from "./contributors.ts";
import type { FlightCopy } from "./flight-copy.ts";
import type { Intake, Taking } from "./intake.ts";
import type { Way } from "./race.ts";
import type { TransferQueue } from "./transfer-queue.ts";

/** What asking upstream uses. */
export interface UpstreamAskerComponents {
  readonly sources: { readonly peers: SourceFinder; readonly upstream: UpstreamFinder };
  readonly queue: TransferQueue;
  readonly copy: FlightCopy;
  readonly claim: FlightClaim;
  readonly intake: Intake;
}

/** Asks upstream for one blob, as the claims of all boxes have it: one download for the whole LAN. */
export class UpstreamAsker {
  readonly #components: UpstreamAskerComponents;
  readonly #want: Want;
  /** Servers that were left because hardly anything came. */
  readonly #left = new Set<string>();

  constructor(components: UpstreamAskerComponents, { want }: { readonly want: Want }) {
    this.#components = components;
    this.#want = want;
  }

  /**
   * Whose turn it is. A copy that peers cannot read is made for this box alone. Where agents wait here that have this one as
   * a mirror, no other box is followed: it may be one of them.
   */
  turn(): Turn {
    const { claim, copy, sources } = this.#components;
    if (!copy.isKept) return "alone";
    return claim.turn(copy.received, sources.upstream.isAwaited(this.#want.digest));
  }

  /** Asks upstream, claimed before where the turn is open; false when it is another box's turn, or has become that. */
  async ask(turn: Turn, way: Way, taking: Taking = {}): Promise<boolean> {
    const { queue, claim, copy } = this.#components;
    let isOurs = true;
    await queue.run("upstream", way.signal, async () => {
      if (turn === "open") await claim.claim(copy.received, way.signal);
      isOurs = turn === "alone" || claim.lost !== undefined;
      const isRace = taking.opponent !== undefined; // peers were raced before, and lost
      if (turn === "open" && isOurs && !isRace) await this.#takePresent(way, taking);
      if (isOurs) isOurs = await this.#askServers(way, taking);
    });
    return isOurs;
  }

  /** Takes what other boxes have of it by now. Not in the queue of peers: this is the turn of those who wait there. */
  async #takePresent(way: Way, taking: Taking): Promise<void> {
    const { sources, intake } = this.#components;
    const { signal } = way;
    for await (const source of sources.peers.sources(this.#want, { signal, growing: "present" })) {
      if (signal.aborted || intake.missing === 0) return;
      if (intake.isUseful(source)) await intake.take(source, way, taking);
    }
  }

  /** False when another box took over. */
  async #askServers(way: Way, taking: Taking): Promise<boolean> {
    const { sources, intake, claim } = this.#components;
    const { lost } = claim;
    const ends = lost === undefined ? [way.signal] : [way.signal, lost];
    for await (const source of sources.upstream.sources(this.#want, { signal: way.signal })) {
      if (ends.some(({ aborted }) => aborted) || intake.missing === 0) break;
      if (intake.isUseful(source)) await this.#takeFrom(source, { way, ends, taking });
    }
    return lost?.aborted !== true;
  }

  /** Takes from a server. One that trickles is left once, for the others: where all do, it is the line that is slow. */
  async #takeFrom(
    source: Source,
    { way, ends, taking }: { way: Way; ends: readonly AbortSignal[]; taking: Taking },
  ): Promise<void> {
    const until = new LinkedAbort(ends);
    const trickles = (): void => {
      this.#left.add(idOf(source));
      source.outpaced?.();
      until.abort(new Error("hardly anything comes, and others are to be asked first"));
    };
    const isLeft = this.#left.has(idOf(source));
    await this.#components.intake
      .take(source, { ...way, signal: until.signal }, { ...taking, ...(!isLeft && { trickles }) })
      .finally(() => until.unlink());
  }
}
