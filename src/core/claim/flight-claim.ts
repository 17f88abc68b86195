import type { ClaimEvent } from "./claim-event.ts";
import { ClaimLog } from "./claim-log.ts";
import type { BlobClaims, HeldClaim, RivalClaim } from "./claims.ts";
import type { Want } from "../distfile.ts";
import { Following } from "./following.ts";
import type { Logger } from "../logger.ts";
import type { Source, SourceKind } from "../source.ts";
import { turnOf, type Turn } from "./turn.ts";

/** How often the other boxes are told how far it is, in ms; they take 5 s without that for its end. */
const PROGRESS_MS = 250;
/** How long to wait for news of another box before looking at it again, in ms. */
const NEWS_MS = 100;

/** Another box, as a claim names it. */
type Box = Pick<RivalClaim, "id" | "holder">;

/** What a flight's claim uses. */
interface FlightClaimComponents {
  readonly claims: BlobClaims;
  readonly log: Logger;
}

/** A flight's place among the boxes that want the same blob: whether it asks upstream, or whom it follows. */
export class FlightClaim {
  readonly #claims: BlobClaims;
  readonly #log: ClaimLog;
  readonly #want: Want;
  readonly #now: () => number;
  readonly #following: Following;
  #held: HeldClaim | undefined;
  /** Whose claim is followed, or was last. */
  #rival: RivalClaim | undefined;
  #isClaiming = false;
  #isAlone = false;
  /** The last claim that was followed and failed. */
  #failed: RivalClaim | undefined;
  /** How many claims were followed in vain. */
  #inVain = 0;
  #misled: number;
  /** When the others were told last how far it is, and who had given the bytes. */
  #toldAt = -Infinity;
  #toldFrom: SourceKind | undefined;

  /**
   * `misled`: how often bytes of growing copies were wrong in flights before this one. `now`: milliseconds since some
   * moment; @default those of the system.
   */
  constructor(
    { claims, log }: FlightClaimComponents,
    want: Want,
    { misled = 0, now = () => performance.now() }: { misled?: number; now?: () => number } = {},
  ) {
    this.#misled = misled;
    this.#claims = claims;
    this.#log = new ClaimLog({ log }, want);
    this.#want = want;
    this.#now = now;
    this.#following = new Following({ now });
  }

  /** What happened, oldest first; for `explain`. */
  get events(): readonly ClaimEvent[] {
    return this.#log.events;
  }

  /** How often bytes of growing copies turned out wrong, with flights before. */
  get misled(): number {
    return this.#misled;
  }

  /** Whether its bytes come from upstream, or are about to. */
  get isRoot(): boolean {
    return this.#held !== undefined || this.#isClaiming || this.#isAlone;
  }

  /** Aborts when another box takes over; undefined while nothing is claimed. */
  get lost(): AbortSignal | undefined {
    return this.#held?.lost;
  }

  /**
   * Whose turn it is to ask upstream, when `received` bytes are here. `isAwaited`: whether agents wait here that have this
   * box as a mirror.
   */
  turn(received: number, isAwaited = false): Turn {
    if (this.#isAlone) return "alone";
    if (this.#held?.lost.aborted === true) this.#yield(this.#held);
    const rival = this.#held === undefined ? this.#rivalToFollow() : undefined;
    this.#following.look(rival, received);
    if (rival === undefined) this.#countFailure();
    const turn = turnOf({
      isOurs: this.#held !== undefined,
      isTheirs: rival !== undefined,
      isAwaited,
      inVain: this.#inVain,
      idleMs: this.#following.idleMs,
      misled: this.#misled,
    });
    if (turn === "theirs" && rival !== undefined) this.#follow(rival);
    if (turn === "alone") this.#goAlone();
    return turn;
  }

  /** Bytes that the box that is followed has beyond `received`; no bound is known where none is followed. */
  lead(received: number): number {
    const rival = this.#claims.rival(this.#want);
    return rival === undefined ? Infinity : Math.max(0, rival.received - received);
  }

  /** Claims the blob, when its turn is open; it may be another box's afterwards. */
  async claim(received: number, signal: AbortSignal): Promise<void> {
    this.#isClaiming = true;
    try {
      const held = await this.#claims.claim(this.#want, { received, signal });
      if (held?.winner === undefined) this.#held = held;
      else this.#gaveWay(held.winner);
    } finally {
      this.#isClaiming = false;
    }
    if (this.#held === undefined) return;
    this.#log.tell(this.#rival === undefined ? "claimed" : "took-over", this.#rival?.holder);
    this.#rival = undefined;
  }

  /** Waits for news of the box whose turn it is, for a moment. */
  async news(signal: AbortSignal): Promise<void> {
    await this.#claims.news(this.#want.digest, NEWS_MS, signal);
  }

  /** Bytes came: the others are told now and then, and of the first ones of a kind. */
  grew(received: number, { kind, giver, isGrowing }: Pick<Source, "kind" | "giver" | "isGrowing">): void {
    if (kind === "peer") this.#following.grew();
    if (isGrowing === true && giver !== undefined) this.#claims.gave(giver);
    const now = this.#now();
    if (this.#held === undefined || (kind === this.#toldFrom && now - this.#toldAt < PROGRESS_MS)) return;
    this.#toldAt = now;
    this.#toldFrom = kind;
    this.#held.progress(received, kind);
  }

  /** Bytes of growing copies turned out wrong. */
  wasMisled(): void {
    this.#misled += 1;
  }

  /** Ends a claim; `failed`: every source failed. */
  release(outcome: { readonly failed: boolean }): void {
    this.#held?.release(outcome);
    this.#held = undefined;
  }

  /** The best claim of another box; of one that was followed in vain no claim counts any more. */
  #rivalToFollow(): RivalClaim | undefined {
    const rival = this.#claims.rival(this.#want);
    return rival !== undefined && this.#judge(rival) ? this.#claims.rival(this.#want) : rival;
  }

  #yield({ winner }: HeldClaim): void {
    this.#held = undefined;
    this.#log.tell("yielded", winner?.holder);
    if (winner !== undefined) this.#gaveWay(winner);
  }

  #gaveWay(box: Box): void {
    this.#following.gaveWay(box.id);
    this.#judge(box);
  }

  /** Whether a box was followed in vain: then its claims count no more. */
  #judge({ id, holder }: Box): boolean {
    if (!this.#following.isInVain(id)) return false;
    this.#log.gaveNothing(holder);
    this.#following.forget(id);
    this.#inVain += 1;
    this.#claims.wasVain(id);
    return true;
  }

  #follow(rival: RivalClaim): void {
    if (this.#rival?.id !== rival.id) this.#log.tell("followed", rival.holder);
    this.#rival = rival;
  }

  /** Whoever was followed has nothing more to give. */
  #countFailure(): void {
    if (this.#rival?.hasFailed !== true || this.#rival === this.#failed) return;
    this.#failed = this.#rival;
    this.#inVain += 1;
  }

  #goAlone(): void {
    this.release({ failed: false });
    this.#isAlone = true;
    this.#log.tell("alone", this.#rival?.holder);
  }
}
