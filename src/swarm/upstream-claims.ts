import type { BlobClaims, HeldClaim, RivalClaim } from "../core/claims.ts";
import { isDigest } from "../core/digest.ts";
import { Pulses } from "../core/pulse.ts";
import type { NameClaim, NameClaims } from "../core/snapshots.ts";
import { yieldsTo } from "./claim-order.ts";
import { systemClock, type Clock } from "./clock.ts";
import {
  RuleBroken,
  type UpstreamAck,
  type UpstreamClaim,
  type UpstreamEnd,
  type UpstreamMessage,
} from "./messages.ts";

/** Upstream is asked when all peers have acknowledged the claim, or after this time. */
const ACK_PATIENCE_MS = 30;
/** A claim that was not told again for so long counts no more. */
const SILENCE_MS = 5000;
/** Subjects that one peer may claim at once. */
const MAX_CLAIMS_OF_PEER = 4096;

/** What the claims use. */
export interface UpstreamClaimsComponents {
  readonly ownId: string;
  /** Ids of the peers that can be told something now. */
  readonly peers: () => readonly string[];
  /** Tells one peer, in order with all else that it is told. */
  readonly tell: (peer: string, message: UpstreamMessage) => void;
  /** The name of a peer, for people. */
  readonly nameOf: (peer: string) => string;
  /** Bytes of a subject that peers can read here now. */
  readonly received: (subject: string) => number;
}

/** A claim of this box. */
interface OwnClaim {
  readonly number: number;
  readonly base: number;
  /** Peers that may not know of it yet. */
  readonly unacknowledged: Set<string>;
  /** Peers that said how much of it can be read from them. */
  readonly holding: Map<string, number>;
  readonly lost: AbortController;
  received: number;
  /** When it was made or brought bytes last. */
  movedAt: number;
}

/** What a peer said of its claim. */
interface PeerClaim {
  readonly number: number;
  readonly base: number;
  received: number;
  heardAt: number;
  hasFailed: boolean;
}

/** A claim of a peer that counts now, and until when it does if nothing more is heard. */
interface Rival {
  readonly peer: string;
  readonly claim: PeerClaim;
  readonly until: number;
}

/**
 * Who asks upstream for what, so that one box of the LAN does. A box tells all others of its claim before it opens
 * upstream, and waits until they have acknowledged it: from then on they follow. Of boxes that claim at the same time one
 * goes on, and the others follow it (see {@link yieldsTo}). When a claim ends or falls silent, those who follow it claim
 * anew. What goes by its name cannot be continued by another box: there, who has received bytes goes on whatever it hears.
 */
export class UpstreamClaims implements NameClaims, BlobClaims {
  readonly #components: UpstreamClaimsComponents;
  readonly #clock: Clock;
  readonly #own = new Map<string, OwnClaim>();
  readonly #peers = new Map<string, Map<string, PeerClaim>>();
  /** Peers that have let a claim wait in vain: nobody waits for them until they say something again. */
  readonly #deaf = new Set<string>();
  readonly #changed = new Pulses();
  #number = 0;

  /** `clock`: @default that of the system. */
  constructor(components: UpstreamClaimsComponents, { clock = systemClock }: { clock?: Clock } = {}) {
    this.#components = components;
    this.#clock = clock;
  }

  /** See {@link NameClaims.byName}. One at a time for a name: the next after its release. */
  async byName(name: string, { signal }: { signal: AbortSignal }): Promise<NameClaim> {
    const held = await this.claim(name, { received: 0, signal });
    if (held === undefined) return this.#follow(name);
    return { mine: true, lost: held.lost, progress: held.progress, release: () => held.release({ failed: false }) };
  }

  /** See {@link BlobClaims.claim}. One at a time for a subject: the next after its release. */
  async claim(
    subject: string,
    { received, signal }: { received: number; signal: AbortSignal },
  ): Promise<HeldClaim | undefined> {
    signal.throwIfAborted();
    if (this.#own.has(subject)) throw new Error(`${subject} is claimed here already`);
    if (this.#rivals(subject).length > 0) return undefined;
    const own = this.#begin(subject, received);
    try {
      await this.#acknowledged(subject, own, signal);
    } catch (error) {
      this.#end(subject, own);
      throw error;
    }
    return own.lost.signal.aborted ? undefined : this.#hold(subject, own);
  }

  /** See {@link BlobClaims.rival}. */
  rival(subject: string): RivalClaim | undefined {
    const [best] = this.#rivals(subject);
    if (best === undefined) return undefined;
    const { peer, claim } = best;
    return {
      id: peer,
      holder: this.#components.nameOf(peer),
      get received() {
        return claim.received;
      },
      get hasFailed() {
        return claim.hasFailed;
      },
    };
  }

  /** See {@link BlobClaims.news}. */
  async news(subject: string, withinMs: number, signal: AbortSignal): Promise<void> {
    await this.#changedBefore(subject, this.#clock.now() + withinMs, signal);
  }

  /** Peers that a subject can be read from as it grows: whose claim counts, the best first, then who holds more than is here. */
  givers(subject: string): string[] {
    const rivals = this.#rivals(subject).map(({ peer }) => peer);
    const own = this.#own.get(subject);
    const holding = [...(own?.holding ?? [])].filter(([, received]) => received > own!.received);
    const most = holding.toSorted(([, a], [, b]) => b - a).map(([peer]) => peer);
    return [...new Set([...rivals, ...most])];
  }

  /** A peer has nothing of a subject after all. */
  disown(peer: string, subject: string): void {
    this.#peers.get(peer)?.delete(subject);
    this.#own.get(subject)?.holding.delete(peer);
    this.#changed.fire(subject);
  }

  // --- what peers say ---

  /** A session began: the peer is told what is claimed here. */
  greeted(peer: string): void {
    for (const [subject, own] of this.#own) if (!this.#isSilent(own)) this.#tellClaim(peer, subject, own);
  }

  /** Takes in what a peer tells. @throws {RuleBroken} when it claims too much. */
  heard(peer: string, message: UpstreamMessage): void {
    this.#deaf.delete(peer);
    if (message.type === "upstream-claim") this.#onClaim(peer, message);
    if (message.type === "upstream-end") this.#onEnd(peer, message);
    if (message.type === "upstream-ack") this.#onAck(peer, message);
    this.#changed.fire(message.subject);
  }

  /** The session ended. */
  gone(peer: string): void {
    this.#peers.delete(peer);
    this.#deaf.delete(peer);
    for (const { unacknowledged, holding } of this.#own.values()) {
      unacknowledged.delete(peer);
      holding.delete(peer);
    }
    this.#changed.fireAll();
  }

  /** An own claim that must yield ends before the answer. */
  #onClaim(peer: string, message: UpstreamClaim): void {
    const { subject, number } = message;
    const isNew = this.#note(peer, message);
    const own = this.#own.get(subject);
    if (own !== undefined && this.#yields(subject, own, peer, message)) {
      this.#end(subject, own);
      own.lost.abort(new Error(`${this.#components.nameOf(peer)} downloads it`));
    } else if (own !== undefined && isNew) this.#insist(peer, subject, own);
    const received = this.#components.received(subject);
    this.#components.tell(peer, { type: "upstream-ack", subject, number, received });
  }

  /** Tells a peer of a claim that is better than its own and that it does not know, so that it yields. */
  #insist(peer: string, subject: string, own: OwnClaim): void {
    if (!own.unacknowledged.has(peer) && !this.#isSilent(own)) this.#tellClaim(peer, subject, own);
  }

  /** Whether the claim is one that was not known. @throws {RuleBroken} when the peer claims too much. */
  #note(peer: string, { subject, number, base, received }: UpstreamClaim): boolean {
    const claims = this.#peers.get(peer) ?? new Map<string, PeerClaim>();
    const heardAt = this.#clock.now();
    const known = claims.get(subject);
    if (known?.number === number) {
      Object.assign(known, { received, heardAt });
      return false;
    }
    if (claims.size >= MAX_CLAIMS_OF_PEER && known === undefined) {
      throw new RuleBroken(`claims more than ${MAX_CLAIMS_OF_PEER} downloads`);
    }
    this.#peers.set(peer, claims.set(subject, { number, base, received, heardAt, hasFailed: false }));
    return true;
  }

  #yields(subject: string, own: OwnClaim, peer: string, { base, received }: UpstreamClaim): boolean {
    if (!isDigest(subject) && own.received > 0) return false;
    const isSilent = this.#isSilent(own);
    return yieldsTo(
      subject,
      { id: this.#components.ownId, base: own.base, isProven: own.received > own.base && !isSilent, isSilent },
      { id: peer, base, isProven: received > base },
    );
  }

  #onEnd(peer: string, { subject, failed }: UpstreamEnd): void {
    const claims = this.#peers.get(peer);
    const claim = claims?.get(subject);
    if (claim !== undefined) claim.hasFailed = failed;
    claims?.delete(subject);
  }

  #onAck(peer: string, { subject, number, received }: UpstreamAck): void {
    const own = this.#own.get(subject);
    if (own?.number !== number) return;
    own.unacknowledged.delete(peer);
    own.holding.set(peer, received);
  }

  // --- the own claims ---

  #begin(subject: string, received: number): OwnClaim {
    const own: OwnClaim = {
      number: ++this.#number,
      base: received,
      unacknowledged: new Set(this.#components.peers().filter((peer) => !this.#deaf.has(peer))),
      holding: new Map(),
      lost: new AbortController(),
      received,
      movedAt: this.#clock.now(),
    };
    this.#own.set(subject, own);
    this.#tellClaimToAll(subject, own);
    return own;
  }

  async #acknowledged(subject: string, { unacknowledged, lost }: OwnClaim, signal: AbortSignal): Promise<void> {
    const until = this.#clock.now() + ACK_PATIENCE_MS;
    while (unacknowledged.size > 0 && !lost.signal.aborted) {
      if (this.#clock.now() >= until) return unacknowledged.forEach((peer) => void this.#deaf.add(peer));
      await this.#changedBefore(subject, until, signal);
    }
  }

  #hold(subject: string, own: OwnClaim): HeldClaim {
    return {
      lost: own.lost.signal,
      progress: (received) => {
        if (this.#own.get(subject) !== own) return;
        own.received = received;
        own.movedAt = this.#clock.now();
        this.#tellClaimToAll(subject, own);
      },
      release: ({ failed }) => this.#end(subject, own, failed),
    };
  }

  #isSilent({ movedAt }: OwnClaim): boolean {
    return this.#clock.now() - movedAt >= SILENCE_MS;
  }

  #end(subject: string, own: OwnClaim, failed = false): void {
    if (this.#own.get(subject) !== own) return;
    this.#own.delete(subject);
    for (const peer of this.#components.peers()) {
      this.#components.tell(peer, { type: "upstream-end", subject, failed });
    }
  }

  #tellClaimToAll(subject: string, own: OwnClaim): void {
    for (const peer of this.#components.peers()) this.#tellClaim(peer, subject, own);
  }

  #tellClaim(peer: string, subject: string, { number, base, received }: OwnClaim): void {
    this.#components.tell(peer, { type: "upstream-claim", subject, number, base, received });
  }

  // --- the claims of others ---

  #follow(name: string): NameClaim {
    return {
      mine: false,
      holder: this.rival(name)?.holder ?? "another box",
      ended: async (signal) => {
        for (let rivals = this.#rivals(name); rivals.length > 0; rivals = this.#rivals(name)) {
          await this.#changedBefore(name, Math.max(...rivals.map(({ until }) => until)), signal);
        }
      },
    };
  }

  /** The peers whose claims count now, the best first. */
  #rivals(subject: string): Rival[] {
    const rivals: Rival[] = [];
    for (const [peer, claims] of this.#peers) {
      const claim = claims.get(subject);
      if (claim === undefined || claim.heardAt + SILENCE_MS <= this.#clock.now()) continue;
      rivals.push({ peer, claim, until: claim.heardAt + SILENCE_MS });
    }
    return rivals.length < 2 ? rivals : rivals.sort((a, b) => byWorth(subject, a, b));
  }

  /** Resolves when something changed, or at `until`. */
  async #changedBefore(subject: string, until: number, signal: AbortSignal): Promise<void> {
    const cancel = this.#clock.at(until, () => this.#changed.fire(subject));
    await this.#changed.wait(subject, signal).finally(cancel);
  }
}

/** Who goes on when all know of each other comes first. */
function byWorth(subject: string, a: Rival, b: Rival): number {
  const [one, other] = [a, b].map(({ peer, claim: { base, received } }) => {
    return { id: peer, base, isProven: received > base, isSilent: false };
  });
  return yieldsTo(subject, one!, other!) ? 1 : -1;
}
