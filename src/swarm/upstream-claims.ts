import { createHash } from "node:crypto";
import { Pulse } from "../core/pulse.ts";
import type { NameClaim, NameClaims } from "../core/snapshots.ts";
import { systemClock, type Clock } from "./clock.ts";
import { RuleBroken, type UpstreamAck, type UpstreamClaim, type UpstreamMessage } from "./messages.ts";

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
}

/** A claim of this box. */
interface OwnClaim {
  readonly number: number;
  /** Peers that may not know of it yet. */
  readonly unacknowledged: Set<string>;
  readonly lost: AbortController;
  received: number;
}

/** What a peer said of its claim. */
interface PeerClaim {
  readonly received: number;
  readonly heardAt: number;
}

/**
 * Who asks upstream for what has no digest yet, so that one box of the LAN does. A box tells all others of its claim
 * before it opens upstream, and waits until they have acknowledged it: from then on they follow. Of boxes that claim at
 * the same time the one with the lowest hash goes on, and the others follow it. Once a box has received bytes it goes on
 * whatever it hears; a claim with bytes beats those without. When a claim ends or falls silent, those who follow it
 * claim anew.
 */
export class UpstreamClaims implements NameClaims {
  readonly #components: UpstreamClaimsComponents;
  readonly #clock: Clock;
  readonly #own = new Map<string, OwnClaim>();
  readonly #peers = new Map<string, Map<string, PeerClaim>>();
  readonly #changed = new Pulse();
  #number = 0;

  /** `clock`: @default that of the system. */
  constructor(components: UpstreamClaimsComponents, { clock = systemClock }: { clock?: Clock } = {}) {
    this.#components = components;
    this.#clock = clock;
  }

  /** See {@link NameClaims.byName}. One at a time for a name: the next after its release. */
  async byName(name: string, { signal }: { signal: AbortSignal }): Promise<NameClaim> {
    signal.throwIfAborted();
    if (this.#own.has(name)) throw new Error(`${name} is claimed here already`);
    if (this.#rivals(name).length > 0) return this.#follow(name);
    const own = this.#begin(name);
    try {
      await this.#acknowledged(own, signal);
    } catch (error) {
      this.#end(name, own);
      throw error;
    }
    return own.lost.signal.aborted ? this.#follow(name) : this.#hold(name, own);
  }

  // --- what peers say ---

  /** A session began: the peer is told what is claimed here. */
  greeted(peer: string): void {
    for (const [subject, own] of this.#own) this.#components.tell(peer, messageOf(subject, own));
  }

  /** Takes in what a peer tells. @throws {RuleBroken} when it claims too much. */
  heard(peer: string, message: UpstreamMessage): void {
    if (message.type === "upstream-claim") this.#onClaim(peer, message);
    if (message.type === "upstream-end") this.#peers.get(peer)?.delete(message.subject);
    if (message.type === "upstream-ack") this.#onAck(peer, message);
    this.#changed.fire();
  }

  /** The session ended. */
  gone(peer: string): void {
    this.#peers.delete(peer);
    for (const { unacknowledged } of this.#own.values()) unacknowledged.delete(peer);
    this.#changed.fire();
  }

  /** An own claim that a better one meets while nothing was lost yet is given up; the answer comes after that. */
  #onClaim(peer: string, { subject, number, received }: UpstreamClaim): void {
    const claims = this.#peers.get(peer) ?? new Map<string, PeerClaim>();
    if (claims.size >= MAX_CLAIMS_OF_PEER && !claims.has(subject)) {
      throw new RuleBroken(`claims more than ${MAX_CLAIMS_OF_PEER} downloads`);
    }
    this.#peers.set(peer, claims.set(subject, { received, heardAt: this.#clock.now() }));
    const own = this.#own.get(subject);
    if (own?.received === 0 && (received > 0 || this.#ranksBefore(subject, peer))) {
      this.#end(subject, own);
      own.lost.abort(new Error(`${this.#components.nameOf(peer)} downloads it`));
    }
    this.#components.tell(peer, { type: "upstream-ack", subject, number });
  }

  #onAck(peer: string, { subject, number }: UpstreamAck): void {
    const own = this.#own.get(subject);
    if (own?.number === number) own.unacknowledged.delete(peer);
  }

  // --- the own claims ---

  #begin(subject: string): OwnClaim {
    const peers = this.#components.peers();
    const own = { number: ++this.#number, unacknowledged: new Set(peers), lost: new AbortController(), received: 0 };
    this.#own.set(subject, own);
    this.#tellAll(messageOf(subject, own));
    return own;
  }

  async #acknowledged({ unacknowledged, lost }: OwnClaim, signal: AbortSignal): Promise<void> {
    const until = this.#clock.now() + ACK_PATIENCE_MS;
    while (unacknowledged.size > 0 && !lost.signal.aborted && this.#clock.now() < until) {
      await this.#changedBefore(until, signal);
    }
  }

  #hold(name: string, own: OwnClaim): NameClaim {
    return {
      mine: true,
      lost: own.lost.signal,
      progress: (received) => {
        if (this.#own.get(name) !== own) return;
        own.received = received;
        this.#tellAll(messageOf(name, own));
      },
      release: () => this.#end(name, own),
    };
  }

  #end(subject: string, own: OwnClaim): void {
    if (this.#own.get(subject) !== own) return;
    this.#own.delete(subject);
    this.#tellAll({ type: "upstream-end", subject });
  }

  #tellAll(message: UpstreamMessage): void {
    for (const peer of this.#components.peers()) this.#components.tell(peer, message);
  }

  // --- the claims of others ---

  #follow(name: string): NameClaim {
    const [holder] = this.#rivals(name);
    return {
      mine: false,
      holder: holder === undefined ? "another box" : this.#components.nameOf(holder.peer),
      ended: async (signal) => {
        for (let rivals = this.#rivals(name); rivals.length > 0; rivals = this.#rivals(name)) {
          await this.#changedBefore(Math.max(...rivals.map(({ until }) => until)), signal);
        }
      },
    };
  }

  /** The peers whose claims count now, and until when they do if nothing more is heard; the best first. */
  #rivals(subject: string): { readonly peer: string; readonly until: number }[] {
    const rivals = [...this.#peers].flatMap(([peer, claims]) => {
      const until = (claims.get(subject)?.heardAt ?? -Infinity) + SILENCE_MS;
      return until > this.#clock.now() ? { peer, until } : [];
    });
    return rivals.sort((a, b) => (rankOf(subject, a.peer) < rankOf(subject, b.peer) ? -1 : 1));
  }

  #ranksBefore(subject: string, peer: string): boolean {
    return rankOf(subject, peer) < rankOf(subject, this.#components.ownId);
  }

  /** Resolves when something changed, or at `until`. */
  async #changedBefore(until: number, signal: AbortSignal): Promise<void> {
    const cancel = this.#clock.at(until, () => this.#changed.fire());
    await this.#changed.wait(signal).finally(cancel);
  }
}

function messageOf(subject: string, { number, received }: OwnClaim): UpstreamClaim {
  return { type: "upstream-claim", subject, number, received };
}

/** The lower one downloads; another box for each subject, and nobody can say beforehand which. */
function rankOf(subject: string, id: string): string {
  return createHash("blake2b512").update(subject).update(Buffer.from(id, "hex")).digest("hex");
}
