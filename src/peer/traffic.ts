import type { Tally } from "../core/agent-api.ts";

/** What went between this box and one peer. */
export interface PeerTraffic {
  /** Bytes of blobs from and to it. */
  readonly received: number;
  readonly sent: number;
  /** Requests of it that were answered with bytes. */
  readonly requests: number;
  /** How often it broke off, stalled, lied, was not there, or was left for one that was clearly faster. */
  readonly faults: number;
}

const NOTHING: PeerTraffic = { received: 0, sent: 0, requests: 0, faults: 0 };

/** Peers that are counted one by one, those with traffic last: a member can invent any number of them. */
const MAX_PEERS = 1024;

/** Bytes and faults by peer; for status. */
export class Traffic {
  readonly #peers = new Map<string, PeerTraffic>();
  /** Given to peers that are not counted one by one any more. */
  #others: Tally = { requests: 0, bytes: 0 };
  #turnedAway = 0;

  /** What went between this box and a peer since the start. */
  of(id: string): PeerTraffic {
    return this.#peers.get(id) ?? NOTHING;
  }

  /** What peers were given by this box. */
  uploaded(): Tally {
    let { requests, bytes } = this.#others;
    for (const traffic of this.#peers.values()) {
      requests += traffic.requests;
      bytes += traffic.sent;
    }
    return { requests, bytes };
  }

  /** Connections to the data plane that were refused for their key. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** Counts an answer to a peer. */
  answered(id: string): void {
    this.#add(id, { requests: 1 });
  }

  /** Counts bytes to a peer. */
  sent(id: string, bytes: number): void {
    this.#add(id, { sent: bytes });
  }

  /** Counts bytes from a peer. */
  received(id: string, bytes: number): void {
    this.#add(id, { received: bytes });
  }

  /** Counts a fault of a peer. */
  failed(id: string): void {
    this.#add(id, { faults: 1 });
  }

  /** Counts a refused connection. */
  refused(): void {
    this.#turnedAway += 1;
  }

  #add(id: string, more: Partial<PeerTraffic>): void {
    const old = this.of(id);
    this.#peers.delete(id);
    this.#peers.set(id, {
      received: old.received + (more.received ?? 0),
      sent: old.sent + (more.sent ?? 0),
      requests: old.requests + (more.requests ?? 0),
      faults: old.faults + (more.faults ?? 0),
    });
    if (this.#peers.size > MAX_PEERS) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const [id, { requests, sent }] = this.#peers.entries().next().value!;
    this.#peers.delete(id);
    this.#others = { requests: this.#others.requests + requests, bytes: this.#others.bytes + sent };
  }
}
