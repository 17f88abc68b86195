import { setTimeout } from "node:timers/promises";
import type { Holder } from "../core/directory.ts";
import type { Want } from "../core/distfile.ts";
import { hasCode } from "../core/errors.ts";
import type { GrowingUse, OpenOptions, Source, SourceBody } from "../core/source.ts";
import { readBody } from "./body.ts";
import type { Candidates } from "./candidates.ts";
import { firstAnswer } from "./first-answer.ts";
import { Inquiry, type Opened, type PeerSourceParts } from "./inquiry.ts";

/** A second holder is asked beside one that has not answered within this time. */
const HEDGE_MS = 100;
/** Those who had too many readers, or no bytes yet, are asked again after this time. */
const AGAIN_MS = 25;

/** What may be set of a peer source. */
interface PeerSourceInit {
  readonly want: Want;
  /** How long to wait for any answer, and how much longer where others are asked beside the silent ones; milliseconds. */
  readonly patienceMs: number;
  readonly graceMs: number;
  readonly growing: GrowingUse;
}

/**
 * The peer to ask first for a blob, with others beside it when it is slow: whoever answers first gives the bytes. When that
 * one breaks off, the next source goes on with somebody else.
 */
export class PeerSource implements Source {
  readonly kind = "peer";
  readonly #parts: PeerSourceParts;
  readonly #init: PeerSourceInit;
  readonly #candidates: Candidates;
  readonly #inquiry: Inquiry;
  #first: Holder | undefined;
  /** Who gave the bytes; before, who is asked first. */
  #giver: Holder;
  #isGrowing: boolean;

  constructor(first: Holder, candidates: Candidates, parts: PeerSourceParts, init: PeerSourceInit) {
    this.#first = first;
    this.#giver = first;
    this.#isGrowing = first.growing === true;
    this.#candidates = candidates;
    this.#parts = parts;
    this.#init = init;
    this.#inquiry = new Inquiry(candidates, parts, init);
  }

  /** See {@link Source.label}: the one that is asked first, once open the one that gives. */
  get label(): string {
    return `${this.#giver.name} (${this.#giver.host})`;
  }

  /** See {@link Source.isGrowing}; as its label, of the one that is asked first, then of the one that gives. */
  get isGrowing(): boolean {
    return this.#isGrowing;
  }

  /** See {@link Source.giver}; as its label. */
  get giver(): string {
    return this.#giver.id;
  }

  /**
   * See {@link Source.open}. Where all who have the blob only have too many readers, they are asked again, for twice the
   * patience at most. When one has had bytes that are not here for as long as the patience, it is told that its readers
   * were asked in vain, so that it lets this box in; that is the last try.
   */
  async open(options: OpenOptions): Promise<SourceBody> {
    const { patienceMs } = this.#init;
    const { signal } = options;
    const since = performance.now();
    let lackingSince = since;
    for (let insist = false; ;) {
      try {
        return await this.#openFirst(options);
      } catch (error) {
        const isWorthwhile = this.#candidates.isFullSomewhere && performance.now() - since <= 2 * patienceMs;
        if (insist || !isWorthwhile || !hasCode(error, "BUSY")) throw error;
      }
      if (!this.#candidates.isFullWithMore) lackingSince = performance.now();
      insist = performance.now() - lackingSince >= patienceMs;
      this.#candidates.again({ insist });
      await setTimeout(AGAIN_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** See {@link Source.blame}. Wrong bytes shut the peer out for all blobs; those that it passed on, in the long run. */
  blame(): void {
    const { standing } = this.#parts;
    if (this.#isGrowing) return standing.misled(this.#giver.id, this.#init.want.digest);
    standing.lied(this.#giver.id);
    this.#inquiry.failed(this.#giver);
  }

  /** See {@link Source.doubt}; of the one that gives. */
  doubt(): () => void {
    return this.#parts.standing.doubt(this.#giver.id, this.#init.want.digest);
  }

  /** See {@link Source.outpaced}. A fault, for people to find what is slow; but not where it only passes on what it gets. */
  outpaced(): void {
    const { standing, traffic } = this.#parts;
    standing.outpaced(this.#giver.id);
    if (!this.#isGrowing) traffic.failed(this.#giver.id);
  }

  async #openFirst(options: OpenOptions): Promise<SourceBody> {
    const { offset, signal, silent } = options;
    const { standing } = this.#parts;
    const { patienceMs, graceMs } = this.#init;
    const { candidate, answer, abort } = await firstAnswer<Holder, Opened>(
      {
        next: () => this.#next(),
        ask: (holder, limit) => this.#inquiry.ask(holder, offset, limit),
        lost: (holder) => {
          standing.lost(holder.id);
          this.#candidates.putBack(holder);
        },
        silent: (holder) => {
          // one that is still receiving it is followed again: left alone, it would soon be asked for upstream a second time
          if (holder.growing === true) standing.lost(holder.id);
          else this.#inquiry.failed(holder);
          silent?.();
        },
        hedgeMs: HEDGE_MS,
        patienceMs,
        graceMs: silent === undefined ? 0 : graceMs,
      },
      signal,
    );
    this.#candidates.answered(candidate);
    this.#giver = candidate;
    this.#isGrowing = answer.isGrowing;
    return { bytes: this.#body(answer, abort, options), size: answer.size };
  }

  #next(): Holder | undefined {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#candidates.take();
  }

  async *#body(opened: Opened, limit: AbortController, { offset, signal, paced }: OpenOptions): AsyncGenerator<Buffer> {
    const { standing, traffic } = this.#parts;
    const giver = this.#giver;
    const { present, size, isBounded, reply } = opened;
    const body = { chunks: reply.body, offset, size, present, isBounded, name: giver.name };
    const abort = (reason: Error): void => limit.abort(reason);
    const letGo = (): void => abort(signal.reason as Error);
    signal.addEventListener("abort", letGo, { once: true });
    try {
      signal.throwIfAborted(); // it may have been let go of between its answer and this
      for await (const bytes of readBody(body, { abort, paced })) {
        traffic.received(giver.id, bytes.length);
        yield bytes;
      }
      standing.succeeded(giver.id);
    } catch (error) {
      signal.throwIfAborted();
      // a growing copy that is silent may be waiting itself, as all who follow do
      if (!this.#isGrowing) this.#inquiry.failed(giver);
      throw error;
    } finally {
      signal.removeEventListener("abort", letGo);
      abort(new Error("nobody reads on"));
    }
  }
}
