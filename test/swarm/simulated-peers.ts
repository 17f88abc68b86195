import type { Digest } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import { SourceError, messageOf } from "../../src/core/errors.ts";
import type { GrowingUse, OpenOptions, Source, SourceBody, SourceFinder } from "../../src/core/source.ts";
import { mayFollow } from "../../src/peer/may-follow.ts";
import { inSteps } from "./in-steps.ts";
import type { Given, SimulatedBox } from "./simulated-lan.ts";

/** What a peer brings in one step, in bytes. */
const FROM_PEER = 5;
/** What an answer takes. */
const ANSWER_MS = 2;
/** Others are asked beside a peer that has not answered for so long; it is given up after the other time. */
const PATIENCE_MS = 1000;
const LONG_PATIENCE_MS = 10_000;
/** A reader leaves a copy that brought nothing for so long. */
const SILENCE_MS = 5000;

/** The peers of a box of a simulated LAN as sources: those that hold the blob, then those that the claims name. */
export class SimulatedPeers implements SourceFinder {
  readonly #box: SimulatedBox;

  constructor(box: SimulatedBox) {
    this.#box = box;
  }

  /** Peers once more, that hold it whole. */
  get lastResort(): SourceFinder {
    return { sources: (want) => this.sources(want, { growing: "none" }) };
  }

  async *sources({ digest }: Want, { growing = "follow" }: { growing?: GrowingUse }): AsyncGenerator<Source> {
    const { lan, self } = this.#box;
    const whole = lan.boxes.filter((box) => box.has(digest) && this.#box.reaches(box));
    const others = growing === "none" ? [] : self.claims.givers(digest).map((id) => lan.boxOf(id));
    for (const first of new Set([...whole, ...others])) yield new SimulatedPeer(this.#box, first, { digest, growing });
  }
}

class SimulatedPeer implements Source {
  readonly kind = "peer";
  readonly #box: SimulatedBox;
  readonly #digest: Digest;
  readonly #growing: GrowingUse;
  #giver: SimulatedBox;

  constructor(box: SimulatedBox, first: SimulatedBox, how: { digest: Digest; growing: GrowingUse }) {
    this.#box = box;
    this.#giver = first;
    this.#digest = how.digest;
    this.#growing = how.growing;
  }

  get label(): string {
    return `box ${this.giver.slice(0, 1)}`;
  }

  get giver(): string {
    return this.#giver.self.id;
  }

  get isGrowing(): boolean {
    return !this.#giver.has(this.#digest);
  }

  blame(): void {}

  /** Reads where it is let in: of a box that has a reader, from that one. */
  async open(options: OpenOptions): Promise<SourceBody> {
    const { lan } = this.#box;
    for (let hops = 0; hops < lan.boxes.length; hops += 1) {
      const reader = lan.readerOf(this.#giver, this.#box);
      if (reader === undefined) return this.#openHere(options);
      this.#giver = reader;
    }
    throw new SourceError("BUSY", "has too many readers");
  }

  async #openHere({ offset, signal, silent }: OpenOptions): Promise<SourceBody> {
    const { lan } = this.#box;
    if (this.#giver.isGoneUnnoticed || this.#giver.evil?.answers === "not at all") await this.#stall(signal, silent);
    await lan.claims.sleep(ANSWER_MS, signal);
    if (!this.#box.reaches(this.#giver)) throw new SourceError("REFUSED", "is gone");
    if (this.#giver.evil?.answers === "that it is busy") throw new SourceError("BUSY", "has too many readers");
    const given = this.#giver.open(this.#digest);
    if (given === undefined) {
      this.#box.self.claims.disown(this.giver, this.#digest);
      throw new SourceError("ABSENT", "has not got it");
    }
    const isAhead = this.#growing === "present" ? given.received > offset : mayFollow(given, offset);
    if (!isAhead) throw new SourceError("BUSY", "has no more than this box");
    return { bytes: this.#body(given, offset, signal) };
  }

  async #stall(signal: AbortSignal, silent?: () => void): Promise<never> {
    const { claims } = this.#box.lan;
    await claims.sleep(PATIENCE_MS, signal);
    silent?.();
    if (silent !== undefined) await claims.sleep(LONG_PATIENCE_MS - PATIENCE_MS, signal);
    throw new SourceError("HEADER_TIMEOUT", "does not answer");
  }

  async *#body(given: Given, offset: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { lan } = this.#box;
    const isBounded = this.isGrowing && this.#growing === "present";
    const end = isBounded ? given.received : lan.size;
    if (!isBounded) lan.follows(this.#box, this.#giver);
    try {
      const next = (position: number): Promise<Buffer> => this.#step(given, position, end);
      yield* inSteps(lan.claims, { from: offset, to: end, stallMs: SILENCE_MS, next, signal });
      if (end < lan.size) throw new SourceError("BUSY", "has no more yet");
    } finally {
      this.#box.source = undefined;
      given.close();
    }
  }

  async #step(given: Given, position: number, end: number): Promise<Buffer> {
    const giver = this.#giver;
    if (giver.hasClosed || this.#box.lan.hasReset(this.#box, giver)) throw new SourceError("BROKEN", "broke off");
    if (!this.#box.reaches(giver)) return Buffer.alloc(0);
    return given.read(position, Math.min(FROM_PEER, end - position)).catch((error: unknown) => {
      throw new SourceError("BROKEN", messageOf(error));
    });
  }
}
