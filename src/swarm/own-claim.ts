import type { HeldClaim } from "../core/claim/claims.ts";
import type { Digest } from "../core/digest.ts";
import type { SourceKind } from "../core/source.ts";
import { isPossible, yieldsTo } from "./claim-order.ts";
import type { Clock } from "./clock.ts";
import type { UpstreamAck, UpstreamClaim } from "./messages.ts";
import { SILENCE_MS } from "./peer-claims.ts";

/** Peers that have not acknowledged a claim by then are not waited for, where the others have answered at once. */
const LEAST_PATIENCE_MS = 30;
/**
 * The same where all are slow. On two cores that seven boxes share answers take up to 100 ms; who asks upstream before
 * then may not have heard of a better claim, and a second download costs more than this wait.
 */
const MOST_PATIENCE_MS = 250;
/**
 * The same where not one has answered: it is rather this box that cannot be heard. After a moment without its cable the
 * sessions are still there, and send again after up to a second.
 */
const UNHEARD_PATIENCE_MS = 1000;
/** A peer that takes so many times as long as the slowest of those that have answered is taken for gone. */
const TIMES_SLOWER = 4;

/** What a claim of this box is made with. */
export interface OwnClaimInit {
  readonly ownId: string;
  readonly subject: Digest;
  /** Tells it from the earlier ones of this box. */
  readonly number: number;
  /** Bytes of the subject; infinite when that is not known. */
  readonly size: number;
  /** Bytes that were here when it was made. */
  readonly base: number;
  /** How often all sources of the subject have failed here lately. */
  readonly failures: number;
  /** Peers that are to acknowledge it. */
  readonly peers: readonly string[];
}

/** A claim of this box: who knows of it, who holds what of its subject, and how far it is. */
export class OwnClaim {
  /** Peers that may not know of it yet. */
  readonly unacknowledged: Set<string>;
  readonly lost = new AbortController();
  /** The peer that it was lost to. */
  winner: HeldClaim["winner"];
  /** Others claim the same at the same time. */
  isContested = false;
  readonly #clock: Clock;
  readonly #init: OwnClaimInit;
  /** Peers that said how much of it can be read from them. */
  readonly #holding = new Map<string, number>();
  readonly #madeAt: number;
  /** What the slowest acknowledgement took; undefined before the first. */
  #slowestMs: number | undefined;
  /** Bytes that upstream did not give under it. */
  #base: number;
  #received: number;
  /** When it was made or brought bytes last. */
  #movedAt: number;

  constructor({ clock }: { readonly clock: Clock }, init: OwnClaimInit) {
    this.#clock = clock;
    this.#init = init;
    this.unacknowledged = new Set(init.peers);
    this.#base = init.base;
    this.#received = init.base;
    this.#madeAt = clock.now();
    this.#movedAt = this.#madeAt;
  }

  /** Until when its acknowledgements are waited for. */
  get waitsUntil(): number {
    return this.#madeAt + this.#patienceMs;
  }

  /** It has brought nothing for longer than the others wait. */
  get isSilent(): boolean {
    return this.#clock.now() - this.#movedAt >= SILENCE_MS;
  }

  /** What the peers are told of it. */
  get message(): UpstreamClaim {
    const { subject, number, failures } = this.#init;
    return {
      type: "upstream-claim",
      subject,
      number,
      base: this.#base,
      received: this.#received,
      ...(failures > 0 && { failures }),
    };
  }

  /** Those who hold more of it than is here, the most first. */
  get givers(): string[] {
    const more = [...this.#holding].filter(([, received]) => received > this.#received);
    return more.toSorted(([, a], [, b]) => b - a).map(([peer]) => peer);
  }

  /** Bytes came. Those of other boxes before the first of upstream are as if they had been here when it was made. */
  grew(received: number, from: SourceKind): void {
    const isProven = this.#received > this.#base;
    if (from === "peer" && !isProven) this.#base = Math.max(this.#base, received);
    this.#received = received;
    this.#movedAt = this.#clock.now();
  }

  /** A peer knows of it, and said how much can be read there. An answer to an earlier claim is none. */
  acknowledged(peer: string, { number, received }: UpstreamAck): void {
    if (number !== this.#init.number) return;
    if (this.unacknowledged.delete(peer)) this.#slowestMs = this.#clock.now() - this.#madeAt;
    if (received < this.#init.size) this.#holding.set(peer, received);
  }

  /** A peer has nothing of it after all. */
  disown(peer: string): void {
    this.#holding.delete(peer);
  }

  /** Another box goes on. */
  loseTo(winner: NonNullable<HeldClaim["winner"]>): void {
    this.winner = winner;
    this.lost.abort(new Error(`${winner.holder} downloads it`));
  }

  /** A peer left. */
  forget(peer: string): void {
    this.unacknowledged.delete(peer);
    this.#holding.delete(peer);
  }

  get #patienceMs(): number {
    if (this.#slowestMs === undefined) return UNHEARD_PATIENCE_MS;
    if (this.isContested) return MOST_PATIENCE_MS;
    return Math.min(Math.max(LEAST_PATIENCE_MS, TIMES_SLOWER * this.#slowestMs), MOST_PATIENCE_MS);
  }

  /** Whether it is given up for a peer's. */
  yieldsTo(peer: string, { base, received, failures = 0 }: UpstreamClaim): boolean {
    const { ownId, subject, size, failures: ownFailures } = this.#init;
    if (!isPossible({ base, received }, size)) return false;
    const { isSilent } = this;
    const isProven = this.#received > this.#base && !isSilent;
    return yieldsTo(
      subject,
      { id: ownId, failures: ownFailures, base: this.#base, isProven, isSilent },
      { id: peer, failures, base, isProven: received > base },
    );
  }
}
