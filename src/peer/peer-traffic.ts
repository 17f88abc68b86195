import { BoundedMap } from "../core/data/bounded-map.ts";
import type { Tally } from "../core/report/traffic.ts";

/** What went between this box and one peer. */
interface PeerTotals {
  /** Bytes of blobs from and to it. */
  readonly received: number;
  readonly sent: number;
  /** Requests of it that were answered with bytes. */
  readonly requests: number;
  /** How often it broke off, stalled, lied, was not there, or was left for one that was clearly faster. */
  readonly faults: number;
}

const NOTHING: PeerTotals = { received: 0, sent: 0, requests: 0, faults: 0 };

/** Peers that are counted one by one, those with traffic last: a member can invent any number of them. */
const MAX_PEERS = 1024;

/** Bytes and faults by peer; for status. */
export class PeerTraffic {
  readonly #peers = new BoundedMap<string, PeerTotals>(MAX_PEERS);
  #uploaded: Tally = { requests: 0, bytes: 0 };
  #turnedAway = 0;

  /** What went between this box and a peer since the start. */
  of(id: string): PeerTotals {
    return this.#peers.get(id) ?? NOTHING;
  }

  /** What peers were given by this box. */
  uploaded(): Tally {
    return this.#uploaded;
  }

  /** Connections to the data plane that were refused. */
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

  #add(id: string, more: Partial<PeerTotals>): void {
    const old = this.of(id);
    this.#peers.set(id, {
      received: old.received + (more.received ?? 0),
      sent: old.sent + (more.sent ?? 0),
      requests: old.requests + (more.requests ?? 0),
      faults: old.faults + (more.faults ?? 0),
    });
    const { requests, bytes } = this.#uploaded;
    this.#uploaded = { requests: requests + (more.requests ?? 0), bytes: bytes + (more.sent ?? 0) };
  }
}
