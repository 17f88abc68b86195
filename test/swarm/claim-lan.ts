import { abortable } from "../../src/core/async/pulse.ts";
import type { Clock } from "../../src/swarm/clock.ts";
import type { UpstreamMessage } from "../../src/swarm/messages.ts";
import { UpstreamClaims } from "../../src/swarm/upstream-claims.ts";

/** A box of a simulated LAN. */
export interface ClaimBox {
  readonly id: string;
  readonly claims: UpstreamClaims;
  /** It does nothing any more. */
  isDead: boolean;
  /** What it is told is lost. */
  isDeaf: boolean;
  /** Takes in what another box tells it. */
  heard: UpstreamClaims["heard"];
}

/**
 * When a message from one box reaches another, in milliseconds after it was
 * sent; what one box tells another stays in order.
 */
type Delay = (from: number, to: number) => number;

interface Task {
  readonly time: number;
  readonly run: () => void;
}

/** Boxes that claim, on a clock that moves only by {@link ClaimLan.run}. */
export class ClaimLan {
  readonly boxes: readonly ClaimBox[];
  readonly clock: Clock = { now: () => this.now, at: (time, task) => this.#at(time, task) };
  now = 0;
  /** `READER GIVER`, the ids of two boxes: the one cannot read from the other. */
  readonly closed = new Set<string>();
  readonly #delay: Delay;
  readonly #received: (id: string) => number;
  readonly #tasks: Task[] = [];
  readonly #sessions = new Set<string>();
  readonly #arrivals = new Map<string, number>();

  /** `received`: bytes of a subject that can be read from a box. */
  constructor(count: number, delay: Delay, received: (id: string) => number = () => 0) {
    this.#delay = delay;
    this.#received = received;
    this.boxes = Array.from({ length: count }, (_, at) => this.#makeBox(String(at + 1).repeat(64)));
    for (const [at, box] of this.boxes.entries()) for (const other of this.boxes.slice(0, at)) this.connect(box, other);
  }

  /** Begins a session between two boxes. */
  connect(a: ClaimBox, b: ClaimBox): void {
    this.#sessions.add(pair(a.id, b.id));
    a.claims.greeted(b.id);
    b.claims.greeted(a.id);
  }

  /** Ends it. */
  disconnect(a: ClaimBox, b: ClaimBox): void {
    if (!this.#sessions.delete(pair(a.id, b.id))) return;
    a.claims.gone(b.id);
    b.claims.gone(a.id);
  }

  /** A box tells another something, whatever its claims are. */
  say(from: ClaimBox, to: ClaimBox, message: UpstreamMessage): void {
    this.#send(from.id, to.id, message);
  }

  /** Whether two boxes can reach each other. */
  isConnected(a: ClaimBox, b: ClaimBox): boolean {
    return this.#sessions.has(pair(a.id, b.id));
  }

  /** A box dies, and all others see it. */
  kill(box: ClaimBox): void {
    box.isDead = true;
    for (const other of this.boxes) this.disconnect(box, other);
  }

  /** A box dies, and nobody sees it. */
  silence(box: ClaimBox): void {
    box.isDead = true;
    box.isDeaf = true;
  }

  /** Resolves when so many milliseconds have passed; rejects with the signal's reason when it aborts before. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    let cancel = (): void => {};
    const passed = new Promise<void>((resolve) => (cancel = this.#at(this.now + ms, resolve)));
    await abortable(passed, signal).finally(cancel);
  }

  /** Lets all happen that happens until `time`. */
  async run(time: number): Promise<void> {
    for (;;) {
      await settle();
      const next = this.#tasks[0];
      if (next === undefined || next.time > time) break;
      this.#tasks.shift();
      this.now = Math.max(this.now, next.time);
      next.run();
    }
    this.now = time;
  }

  /** Whether a promise has settled. */
  async isSettled(promise: Promise<unknown> | undefined): Promise<boolean> {
    let isSettled = false;
    const note = (): void => void (isSettled = true);
    promise?.then(note, note);
    await settle();
    return isSettled;
  }

  #makeBox(id: string): ClaimBox {
    const claims = new UpstreamClaims(
      {
        ownId: id,
        peers: () => this.boxes.map((box) => box.id).filter((other) => this.#sessions.has(pair(id, other))),
        tell: (peer, message) => this.#send(id, peer, message),
        nameOf: (peer) => `name of ${peer}`,
        canRead: (peer) => !this.closed.has(`${id} ${peer}`),
        received: () => this.#received(id),
      },
      { clock: this.clock },
    );
    return { id, claims, isDead: false, isDeaf: false, heard: (from, message) => claims.heard(from, message) };
  }

  #send(from: string, to: string, message: UpstreamMessage): void {
    const [sender, receiver] = [this.#index(from), this.#index(to)];
    if (this.boxes[sender]!.isDead) return;
    const key = `${from} ${to}`;
    const time = Math.max(this.now + this.#delay(sender, receiver), this.#arrivals.get(key) ?? 0);
    this.#arrivals.set(key, time);
    this.#at(time, () => {
      if (this.#sessions.has(pair(from, to)) && !this.boxes[receiver]!.isDeaf) {
        this.boxes[receiver]!.heard(from, message);
      }
    });
  }

  #index(id: string): number {
    return this.boxes.findIndex((box) => box.id === id);
  }

  /** Adds a task behind those of the same time. */
  #at(time: number, run: () => void): () => void {
    const task = { time, run };
    const place = this.#tasks.findIndex((other) => other.time > time);
    this.#tasks.splice(place < 0 ? this.#tasks.length : place, 0, task);
    return () => {
      const at = this.#tasks.indexOf(task);
      if (at >= 0) this.#tasks.splice(at, 1);
    };
  }
}

/** All that follows on what has happened has happened. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
