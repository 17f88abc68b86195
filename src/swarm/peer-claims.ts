import type { RivalClaim } from "../core/claim/claims.ts";
import type { Digest } from "../core/digest.ts";
import { isPossible, yieldsTo } from "./claim-order.ts";
import type { Clock } from "./clock.ts";
import { RuleBroken, type UpstreamClaim, type UpstreamEnd } from "./messages.ts";

/** A claim that was not told again for so long counts no more. */
export const SILENCE_MS = 5000;
/**
 * Nobody begins to read from a box that has not told its claim again for so
 * long: it may be gone, and a dial to it hangs.
 */
const QUIET_MS = 1000;
/** What is known of a silent claim is kept for so long: who takes over need not wait for the box that made it. */
const KEPT_MS = 60_000;
/** Subjects that one peer may claim at once. */
const MAX_CLAIMS_OF_PEER = 4096;

/** What a peer said of its claim. */
interface PeerClaim {
  readonly number: number;
  readonly failures: number;
  base: number;
  received: number;
  heardAt: number;
  hasFailed: boolean;
}

/** A claim of a peer that counts now. */
interface Rival {
  readonly peer: string;
  readonly claim: PeerClaim;
}

/** Which claims count. */
interface RivalsInit {
  /** Bytes of the subject, which rule out what a claim says. @default not known */
  readonly size?: number;
  /** A claim of a box whose sources have failed more often counts only once upstream gives it bytes. @default any does */
  readonly failures?: number;
}

/** What the claims of peers use. */
interface PeerClaimsComponents {
  readonly clock: Clock;
  /** The name of a peer, for people. */
  readonly nameOf: (peer: string) => string;
  /** Whether the claim of a subject by a peer counts. */
  readonly minds: (peer: string, subject: Digest) => boolean;
}

/** What the peers claim, as they told it. */
export class PeerClaims {
  readonly #clock: Clock;
  readonly #nameOf: (peer: string) => string;
  readonly #minds: (peer: string, subject: Digest) => boolean;
  /** By peer and subject, those that were silent for longest first. */
  readonly #byPeer = new Map<string, Map<Digest, PeerClaim>>();

  constructor({ clock, nameOf, minds }: PeerClaimsComponents) {
    this.#clock = clock;
    this.#nameOf = nameOf;
    this.#minds = minds;
  }

  /**
   * Whether the claim is one that was not known. A known one counts on when it has brought something since.
   * @throws {RuleBroken} when the peer claims too much.
   */
  note(peer: string, { subject, number, base, received, failures = 0 }: UpstreamClaim): boolean {
    const claims = this.#byPeer.get(peer) ?? new Map<Digest, PeerClaim>();
    const heardAt = this.#clock.now();
    const known = claims.get(subject);
    if (known?.number === number) {
      if (received === known.received) return false;
      claims.delete(subject);
      claims.set(subject, Object.assign(known, { base: Math.max(known.base, base), received, heardAt }));
      return false;
    }
    claims.delete(subject);
    this.#makeRoom(claims);
    this.#byPeer.set(peer, claims.set(subject, { number, failures, base, received, heardAt, hasFailed: false }));
    return true;
  }

  /** A claim ended. */
  end(peer: string, { subject, failed }: Pick<UpstreamEnd, "subject" | "failed">): void {
    const claims = this.#byPeer.get(peer);
    const claim = claims?.get(subject);
    if (claim !== undefined) claim.hasFailed = failed;
    claims?.delete(subject);
  }

  /** A claim counts no more. */
  drop(peer: string, subject: Digest): void {
    this.#byPeer.get(peer)?.delete(subject);
  }

  /** All claims of a peer count no more. */
  forget(peer: string): void {
    this.#byPeer.delete(peer);
  }

  /** Peers that are getting on with a subject, so that it can be read from them, the best first. */
  givers(subject: Digest): string[] {
    const now = this.#clock.now();
    return this.rivals(subject)
      .filter(({ claim }) => now - claim.heardAt < QUIET_MS)
      .map(({ peer }) => peer);
  }

  /** Whether the claim of a peer has fallen silent. */
  hasLapsed(peer: string, subject: Digest): boolean {
    const claim = this.#byPeer.get(peer)?.get(subject);
    return claim !== undefined && !this.#counts(claim);
  }

  /** The best of {@link PeerClaims.rivals}; undefined when there is none. */
  best(subject: Digest, init?: RivalsInit): RivalClaim | undefined {
    const [best] = this.rivals(subject, init);
    if (best === undefined) return undefined;
    const { peer, claim } = best;
    return {
      id: peer,
      holder: this.#nameOf(peer),
      get received() {
        return claim.received;
      },
      get hasFailed() {
        return claim.hasFailed;
      },
    };
  }

  /** The claims of a subject that count now, the best first. */
  rivals(subject: Digest, { size = Infinity, failures = Infinity }: RivalsInit = {}): Rival[] {
    const rivals: Rival[] = [];
    for (const [peer, claims] of this.#byPeer) {
      const claim = claims.get(subject);
      if (claim === undefined || !this.#counts(claim) || !isPossible(claim, size) || !this.#minds(peer, subject))
        continue;
      if (claim.failures > failures && !isProven(claim)) continue;
      rivals.push({ peer, claim });
    }
    return rivals.length < 2 ? rivals : rivals.sort((a, b) => byWorth(subject, a, b));
  }

  /** Forgets what has been silent for long; all that is, where a peer claims as much as it may. */
  #makeRoom(claims: Map<Digest, PeerClaim>): void {
    forgetSilent(claims, this.#clock.now() - KEPT_MS);
    if (claims.size < MAX_CLAIMS_OF_PEER) return;
    forgetSilent(claims, this.#clock.now() - SILENCE_MS);
    if (claims.size >= MAX_CLAIMS_OF_PEER) throw new RuleBroken(`claims more than ${MAX_CLAIMS_OF_PEER} downloads`);
  }

  #counts({ heardAt }: PeerClaim): boolean {
    return heardAt + SILENCE_MS > this.#clock.now();
  }
}

/** Forgets the claims that were not heard since. */
function forgetSilent(claims: Map<Digest, PeerClaim>, since: number): void {
  for (const [subject, { heardAt }] of claims) {
    if (heardAt > since) return;
    claims.delete(subject);
  }
}

/** Who goes on when all know of each other comes first. */
function byWorth(subject: Digest, a: Rival, b: Rival): number {
  const [one, other] = [a, b].map(({ peer, claim }) => {
    return { id: peer, failures: claim.failures, base: claim.base, isProven: isProven(claim), isSilent: false };
  });
  return yieldsTo(subject, one!, other!) ? 1 : -1;
}

function isProven({ base, received }: PeerClaim): boolean {
  return received > base;
}
