import { setTimeout } from "node:timers/promises";
import type { Want } from "../core/distfile.ts";
import { SourceError, hasCode } from "../core/errors.ts";
import type { GrowingUse, OpenOptions, Source, SourceBody } from "../core/source.ts";
import { checkAnswer, type Answer } from "./answer.ts";
import { readBody } from "./body.ts";
import type { Candidates } from "./candidates.ts";
import type { Directory, Holder } from "./directory.ts";
import { firstAnswer } from "./first-answer.ts";
import type { BlobReply } from "./peer-connection.ts";
import type { PeerClient } from "./peer-client.ts";
import { PRESENT_HEADER, RECEIVING_HEADER, readBytes, readIds } from "./protocol.ts";
import type { Standing } from "./standing.ts";
import type { Traffic } from "./traffic.ts";

/** A second holder is asked beside one that has not answered within this time. */
const HEDGE_MS = 100;
/** Those who had too many readers, or no bytes yet, are asked again after this time. */
const AGAIN_MS = 25;

/** What the peer sources share. */
export interface PeerSourceParts {
  readonly client: PeerClient;
  readonly directory: Directory;
  readonly standing: Standing;
  readonly traffic: Traffic;
}

/** What may be set of a peer source. */
interface PeerSourceInit {
  readonly want: Want;
  /**
   * How long to wait for any answer, and how much longer where others are
   * asked beside those that are silent. Milliseconds.
   */
  readonly patienceMs: number;
  readonly graceMs: number;
  readonly growing: GrowingUse;
}

/** A good answer of a peer, its body not read yet. */
interface Opened extends Answer {
  readonly reply: BlobReply;
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
   * See {@link Source.open}. While holders only have too many readers, waits for these to have something to give; for
   * so long only as the patience lasts, since one could have given more.
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

  /**
   * See {@link Source.blame}. Wrong bytes shut the peer out, for all blobs; those
   * that it only passed on do so in the long run.
   */
  blame(error: SourceError): void {
    const { standing } = this.#parts;
    if (this.#isGrowing) return standing.misled(this.#giver.id, this.#init.want.digest);
    if (error.code === "WRONG_BYTES") standing.lied(this.#giver.id);
    this.#failed(this.#giver);
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
        ask: (holder, limit) => this.#ask(holder, offset, limit),
        lost: (holder) => {
          standing.lost(holder.id);
          this.#candidates.putBack(holder);
        },
        silent: (holder) => {
          // one that is still receiving it is followed again: left alone, it would soon be asked for upstream a second time
          if (holder.growing === true) standing.lost(holder.id);
          else this.#failed(holder);
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

  async #ask(holder: Holder, offset: number, signal: AbortSignal): Promise<Opened> {
    const { client } = this.#parts;
    const { digest, size } = this.#init.want;
    const tried = this.#candidates.inVain.filter((id) => id !== holder.id);
    let reply: BlobReply | undefined;
    try {
      reply = await client.get(holder, { digest, offset, tried, signal });
      const answer = checkAnswer(reply, { offset, size });
      if (answer.isGrowing && this.#init.growing === "none") throw new SourceError("BUSY", "has not got all of it yet");
      if (answer.isGrowing && holder.growing !== true)
        throw new SourceError("ABSENT", "has not got all of it, as it had said");
      if (this.#isBounded(answer) && answer.present <= offset)
        throw new SourceError("BUSY", "has no more than this box");
      return { ...answer, reply };
    } catch (error) {
      reply?.body.destroy();
      if (!signal.aborted) this.#note(holder, offset, error, reply);
      throw error;
    }
  }

  /** What a refusal teaches. */
  #note(holder: Holder, offset: number, error: unknown, reply: BlobReply | undefined): void {
    const { directory } = this.#parts;
    const { code, status } = error instanceof SourceError ? error : {};
    const { digest, size } = this.#init.want;
    // of a file without a size of its own it may not know the length yet, and has nothing to give before that
    if (code === "ABSENT" && holder.growing === true && size === Infinity) return this.#candidates.wasBehind(holder);
    if (code === "ABSENT") return directory.disown(holder.id, digest);
    // its program is gone: what it was receiving is nobody's affair any more, and whoever followed it may go on
    if (code === "REFUSED" && holder.growing === true) directory.disown(holder.id, digest);
    if (code !== "BUSY") return this.#failed(holder);
    if (status !== 503) return this.#candidates.wasBehind(holder);
    const readers = readIds(reply!.headers, RECEIVING_HEADER);
    const hasMore = (readBytes(reply!.headers, PRESENT_HEADER) ?? 0) > offset;
    this.#candidates.wasFull(holder, { readers, hasMore }, (id) => this.#reach(id));
  }

  /** A box that is said to be receiving the blob now. */
  #reach(id: string): Holder | undefined {
    const { directory, standing } = this.#parts;
    return standing.isOut(id, this.#init.want.digest) || standing.isMisleading(id) ? undefined : directory.peer(id);
  }

  /** Whether more than is present now would come, which is not asked for. */
  #isBounded({ isGrowing }: Answer): boolean {
    return isGrowing && this.#init.growing === "present";
  }

  async *#body(opened: Opened, limit: AbortController, { offset, signal, paced }: OpenOptions): AsyncGenerator<Buffer> {
    const { standing, traffic } = this.#parts;
    const giver = this.#giver;
    const { present, size, reply } = opened;
    const body = { chunks: reply.body, offset, size, present, isBounded: this.#isBounded(opened), name: giver.name };
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
      if (!hasCode(error, "BUSY") && !this.#isGrowing) this.#failed(giver);
      throw error;
    } finally {
      signal.removeEventListener("abort", letGo);
      abort(new Error("nobody reads on"));
    }
  }

  #failed(holder: Holder): void {
    const { standing, traffic } = this.#parts;
    const { id } = holder;
    this.#candidates.failed(holder);
    standing.failed(id);
    standing.avoid(id, this.#init.want.digest);
    traffic.failed(id);
  }
}
