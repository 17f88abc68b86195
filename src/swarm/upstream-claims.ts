import type { BlobClaims, ClaimedBlob, HeldClaim, RivalClaim } from "../core/claim/claims.ts";
import type { Digest } from "../core/digest.ts";
import { Pulses } from "../core/async/pulse.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { UpstreamAck, UpstreamClaim, UpstreamMessage } from "./messages.ts";
import { OwnClaim, type OwnClaimInit } from "./own-claim.ts";
import { OwnFailures } from "./own-failures.ts";
import { PeerClaims } from "./peer-claims.ts";
import { VainClaims } from "./vain-claims.ts";

/** What the claims use. */
interface UpstreamClaimsComponents {
  readonly ownId: string;
  /** Ids of the peers that can be told something now. */
  readonly peers: () => readonly string[];
  /** Tells one peer, in order with all else that it is told. */
  readonly tell: (peer: string, message: UpstreamMessage) => void;
  /** The name of a peer, for people. */
  readonly nameOf: (peer: string) => string;
  /** Whether this box can and will read a subject from a peer: else it neither follows it nor yields to it. */
  readonly canRead: (peer: string, subject: Digest) => boolean;
  /** Bytes of a subject that peers can read here now. */
  readonly received: (subject: Digest) => number;
}

/**
 * Who asks upstream for what, so that one box of the LAN does. A box tells all others of its claim before it opens
 * upstream, and waits until they have acknowledged it: from then on they follow. Of boxes that claim at the same time one
 * goes on, and the others follow it (see `yieldsTo`). When a claim ends or falls silent, those who follow it claim
 * anew. A tree snapshot on its way, which has no digest yet, goes by that of its name.
 */
export class UpstreamClaims implements BlobClaims {
  readonly #components: UpstreamClaimsComponents;
  readonly #clock: Clock;
  readonly #own = new Map<Digest, OwnClaim>();
  readonly #peers: PeerClaims;
  readonly #vain: VainClaims;
  readonly #failures: OwnFailures;
  /** Peers that have let a claim wait in vain: nobody waits for them until they acknowledge one. */
  readonly #deaf = new Set<string>();
  readonly #changed = new Pulses();
  #number = 0;

  /** `clock`: @default that of the system. */
  constructor(components: UpstreamClaimsComponents, { clock = systemClock }: { clock?: Clock } = {}) {
    this.#components = components;
    this.#clock = clock;
    this.#vain = new VainClaims({ clock });
    this.#failures = new OwnFailures({ clock });
    this.#peers = new PeerClaims({
      clock,
      nameOf: components.nameOf,
      minds: (peer, subject) => this.#minds(peer, subject),
    });
  }

  /** See {@link BlobClaims.claim}. One at a time for a blob: the next after its release. */
  async claim(
    { digest: subject, size }: ClaimedBlob,
    { received, signal }: { received: number; signal: AbortSignal },
  ): Promise<HeldClaim | undefined> {
    signal.throwIfAborted();
    if (this.#own.has(subject)) throw new Error(`${subject} is claimed here already`);
    const failures = this.#failures.of(subject);
    if (this.#peers.rivals(subject, { size, failures }).length > 0) return undefined;
    const own = this.#begin(subject, { size, base: received, failures });
    try {
      await this.#acknowledged(subject, own, signal);
    } catch (error) {
      this.#end(subject, own);
      throw error;
    }
    return this.#hold(subject, own);
  }

  /** See {@link BlobClaims.rival}. */
  rival({ digest, size }: ClaimedBlob): RivalClaim | undefined {
    return this.#peers.best(digest, { size, failures: this.#failures.of(digest) });
  }

  /** See {@link BlobClaims.wasVain}. */
  wasVain(id: string): void {
    this.#vain.add(id);
    this.#changed.fireAll();
  }

  /** See {@link BlobClaims.gave}. */
  gave(id: string): void {
    this.#vain.forgive(id);
  }

  /** See {@link BlobClaims.news}. */
  async news(subject: Digest, withinMs: number, signal: AbortSignal): Promise<void> {
    await this.#changedBefore(subject, this.#clock.now() + withinMs, signal);
  }

  /**
   * Peers that a subject can be read from as it grows: who get on with it,
   * the best first, then who hold more than is here.
   */
  givers(subject: Digest): string[] {
    const holding = this.#own.get(subject)?.givers.filter((peer) => this.#minds(peer, subject)) ?? [];
    return [...new Set([...this.#peers.givers(subject), ...holding])];
  }

  /** A peer has nothing of a subject after all. */
  disown(peer: string, subject: Digest): void {
    this.#peers.drop(peer, subject);
    this.#own.get(subject)?.disown(peer);
    this.#changed.fire(subject);
  }

  // --- what peers say ---

  /** A session began: the peer is told what is claimed here. */
  greeted(peer: string): void {
    for (const own of this.#own.values()) if (!own.isSilent) this.#components.tell(peer, own.message);
  }

  /** Takes in what a peer tells. @throws {RuleBroken} when it claims too much. */
  heard(peer: string, message: UpstreamMessage): void {
    if (message.type === "upstream-claim") this.#onClaim(peer, message);
    if (message.type === "upstream-end") this.#peers.end(peer, message);
    if (message.type === "upstream-ack") this.#onAck(peer, message);
    this.#changed.fire(message.subject);
  }

  /** A peer told what it holds: who waits for an upstream that is silent takes the blob from there. */
  toldHaves(peer: string, has: (subject: Digest) => boolean): void {
    for (const [subject, own] of this.#own) {
      if (!own.isSilent || !has(subject) || !this.#minds(peer, subject)) continue;
      this.#lose(subject, own, peer);
      this.#changed.fire(subject);
    }
  }

  /** The session ended. */
  gone(peer: string): void {
    this.#peers.forget(peer);
    this.#deaf.delete(peer);
    for (const own of this.#own.values()) own.forget(peer);
    this.#changed.fireAll();
  }

  /** An own claim that must yield ends before the answer. */
  #onClaim(peer: string, message: UpstreamClaim): void {
    const { subject, number } = message;
    const isNew = this.#peers.note(peer, message);
    const own = this.#own.get(subject);
    if (own !== undefined) own.isContested = true;
    if (own?.yieldsTo(peer, message) === true && this.#minds(peer, subject)) {
      this.#lose(subject, own, peer);
    } else if (own !== undefined && isNew) this.#insist(peer, own);
    const { tell, received } = this.#components;
    tell(peer, { type: "upstream-ack", subject, number, received: received(subject) });
  }

  #lose(subject: Digest, own: OwnClaim, peer: string): void {
    this.#end(subject, own);
    own.loseTo({ id: peer, holder: this.#components.nameOf(peer) });
  }

  #onAck(peer: string, message: UpstreamAck): void {
    this.#deaf.delete(peer);
    this.#own.get(message.subject)?.acknowledged(peer, message);
  }

  /** Tells a peer of a claim that is better than its own and that it does not know, so that it yields. */
  #insist(peer: string, own: OwnClaim): void {
    if (!own.unacknowledged.has(peer) && !own.isSilent) this.#components.tell(peer, own.message);
  }

  /** Whether the claims of a peer count: it can be read from, and was not followed in vain. */
  #minds(peer: string, subject: Digest): boolean {
    return this.#components.canRead(peer, subject) && !this.#vain.has(peer);
  }

  // --- the own claims ---

  #begin(subject: Digest, init: Pick<OwnClaimInit, "size" | "base" | "failures">): OwnClaim {
    const { ownId } = this.#components;
    // who has fallen silent is what is claimed anew for, and need not be heard
    const isWaitedFor = (peer: string): boolean => !this.#deaf.has(peer) && !this.#peers.hasLapsed(peer, subject);
    const peers = this.#components.peers().filter(isWaitedFor);
    const own = new OwnClaim({ clock: this.#clock }, { ownId, subject, number: ++this.#number, peers, ...init });
    this.#own.set(subject, own);
    this.#tellAll(own.message);
    return own;
  }

  async #acknowledged(subject: Digest, own: OwnClaim, signal: AbortSignal): Promise<void> {
    const { unacknowledged, lost } = own;
    while (unacknowledged.size > 0 && !lost.signal.aborted) {
      if (this.#clock.now() >= own.waitsUntil) return unacknowledged.forEach((peer) => void this.#deaf.add(peer));
      await this.#changedBefore(subject, own.waitsUntil, signal);
    }
  }

  #hold(subject: Digest, own: OwnClaim): HeldClaim {
    return {
      lost: own.lost.signal,
      get winner() {
        return own.winner;
      },
      progress: (received, from) => {
        if (this.#own.get(subject) !== own) return;
        own.grew(received, from);
        this.#tellAll(own.message);
      },
      release: ({ failed }) => this.#end(subject, own, failed),
    };
  }

  #end(subject: Digest, own: OwnClaim, failed = false): void {
    if (this.#own.get(subject) !== own) return;
    this.#own.delete(subject);
    if (failed) this.#failures.add(subject);
    this.#tellAll({ type: "upstream-end", subject, failed });
  }

  #tellAll(message: UpstreamMessage): void {
    for (const peer of this.#components.peers()) this.#components.tell(peer, message);
  }

  /** Resolves when something changed, or at `until`. */
  async #changedBefore(subject: Digest, until: number, signal: AbortSignal): Promise<void> {
    const cancel = this.#clock.at(until, () => this.#changed.fire(subject));
    await this.#changed.wait(subject, signal).finally(cancel);
  }
}
