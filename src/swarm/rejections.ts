import type { LastRejected } from "../core/report/swarm-status.ts";

/** Why a box was turned away. */
export type Rejection =
  /** It speaks without a proof of the network key, or with a wrong one. */
  | "no_proof"
  | "wrong_proof"
  /** It sent no proof in time: a stranger, a box that is busy, or one that a firewall keeps from hearing this box. */
  | "silent"
  /** It does not speak our protocol, but maybe that of another version. */
  | "other_protocol"
  /** It is listed in `swarm.deny`. */
  | "denied"
  /** It came from outside `swarm.networks`. */
  | "outside"
  /** It broke a rule of the protocol, now or a while ago. */
  | "rule"
  /** There are as many peers as can be. */
  | "full";

/** How often boxes were turned away, and why; for status. */
export class Rejections {
  readonly #last: Partial<Record<Rejection, LastRejected>> = {};
  readonly #counts: Record<Rejection, number> = {
    no_proof: 0,
    wrong_proof: 0,
    silent: 0,
    other_protocol: 0,
    denied: 0,
    outside: 0,
    rule: 0,
    full: 0,
  };

  /** Counts one that came from an address. */
  count(why: Rejection, address?: string): void {
    this.#counts[why] += 1;
    this.#last[why] = { at: new Date().toISOString(), ...(address !== undefined && { address }) };
  }

  /** The last one of each reason for which there was one. */
  last(): Readonly<Partial<Record<Rejection, LastRejected>>> {
    return { ...this.#last };
  }

  /** All counts. */
  counts(): Readonly<Record<Rejection, number>> {
    return { ...this.#counts };
  }
}
