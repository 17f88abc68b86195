import { isDigest } from "../core/digest.ts";
import { yieldsTo } from "./claim-order.ts";
import type { Clock } from "./clock.ts";
import type { UpstreamAck, UpstreamClaim } from "./messages.ts";
import { SILENCE_MS } from "./peer-claims.ts";

/** What a claim of this box is made with. */
export interface OwnClaimInit {
  readonly ownId: string;
  readonly subject: string;
  /** Tells it from the earlier ones of this box. */
  readonly number: number;
  /** Bytes that were here when it was made. */
  readonly base: number;
  /** Peers that are to acknowledge it. */
  readonly peers: readonly string[];
}

/** A claim of this box: who knows of it, who holds what of its subject, and how far it is. */
export class OwnClaim {
  /** Peers that may not know of it yet. */
  readonly unacknowledged: Set<string>;
  readonly lost = new AbortController();
  readonly #clock: Clock;
  readonly #init: OwnClaimInit;
  /** Peers that said how much of it can be read from them. */
  readonly #holding = new Map<string, number>();
  #received: number;
  /** When it was made or brought bytes last. */
  #movedAt: number;

  constructor({ clock }: { readonly clock: Clock }, init: OwnClaimInit) {
    this.#clock = clock;
    this.#init = init;
    this.unacknowledged = new Set(init.peers);
    this.#received = init.base;
    this.#movedAt = clock.now();
  }

  /** It has brought nothing for longer than the others wait. */
  get isSilent(): boolean {
    return this.#clock.now() - this.#movedAt >= SILENCE_MS;
  }

  /** What the peers are told of it. */
  get message(): UpstreamClaim {
    const { subject, number, base } = this.#init;
    return { type: "upstream-claim", subject, number, base, received: this.#received };
  }

  /** Those who hold more of it than is here, the most first. */
  get givers(): string[] {
    const more = [...this.#holding].filter(([, received]) => received > this.#received);
    return more.toSorted(([, a], [, b]) => b - a).map(([peer]) => peer);
  }

  /** Bytes came. */
  grew(received: number): void {
    this.#received = received;
    this.#movedAt = this.#clock.now();
  }

  /** A peer knows of it, and said how much can be read there. An answer to an earlier claim is none. */
  acknowledged(peer: string, { number, received }: UpstreamAck): void {
    if (number !== this.#init.number) return;
    this.unacknowledged.delete(peer);
    this.#holding.set(peer, received);
  }

  /** A peer has nothing of it after all. */
  disown(peer: string): void {
    this.#holding.delete(peer);
  }

  /** A peer left. */
  forget(peer: string): void {
    this.unacknowledged.delete(peer);
    this.#holding.delete(peer);
  }

  /** Whether it is given up for a peer's. What goes by its name cannot be continued by another box: with bytes it goes on. */
  yieldsTo(peer: string, { base, received }: UpstreamClaim): boolean {
    const { ownId, subject, base: ownBase } = this.#init;
    if (!isDigest(subject) && this.#received > 0) return false;
    const { isSilent } = this;
    return yieldsTo(
      subject,
      { id: ownId, base: ownBase, isProven: this.#received > ownBase && !isSilent, isSilent },
      { id: peer, base, isProven: received > base },
    );
  }
}
