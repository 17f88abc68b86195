import type { Want } from "../core/distfile.ts";
import { SourceError, hasCode } from "../core/errors.ts";
import type { Source, SourceBody } from "../core/source.ts";
import { checkAnswer, type Answer } from "./answer.ts";
import { readBody } from "./body.ts";
import type { Candidates } from "./candidates.ts";
import type { Directory, Holder } from "./directory.ts";
import { firstAnswer } from "./first-answer.ts";
import type { BlobReply } from "./peer-connection.ts";
import type { PeerClient } from "./peer-client.ts";
import { RECEIVING_HEADER, readIds } from "./protocol.ts";
import type { Standing } from "./standing.ts";
import type { Traffic } from "./traffic.ts";

/** A second holder is asked beside one that has not answered within this time. */
const HEDGE_MS = 100;

/** What the peer sources share. */
export interface PeerSourceParts {
  readonly client: PeerClient;
  readonly directory: Directory;
  readonly standing: Standing;
  readonly traffic: Traffic;
  readonly ownId: string;
}

/** What may be set of a peer source. */
export interface PeerSourceInit {
  readonly want: Want;
  /** How long to wait for any answer, in milliseconds. */
  readonly patienceMs: number;
}

/** A good answer of a peer, its body not read yet. */
interface Opened extends Answer {
  readonly reply: BlobReply;
}

/** What a peer gives. */
export interface PeerBody extends SourceBody {
  /** The boxes that the bytes come through, nearest first: what this box must tell those who read its growing copy. */
  readonly chain: readonly string[];
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

  constructor(first: Holder, candidates: Candidates, parts: PeerSourceParts, init: PeerSourceInit) {
    this.#first = first;
    this.#giver = first;
    this.#candidates = candidates;
    this.#parts = parts;
    this.#init = init;
  }

  /** See {@link Source.label}: the one that is asked first, once open the one that gives. */
  get label(): string {
    return `${this.#giver.name} (${this.#giver.host})`;
  }

  /** See {@link Source.open}. */
  async open({ offset, signal }: { offset: number; signal: AbortSignal }): Promise<PeerBody> {
    const { standing } = this.#parts;
    const { candidate, answer, abort } = await firstAnswer<Holder, Opened>(
      {
        next: () => this.#next(),
        ask: (holder, limit) => this.#ask(holder, offset, limit),
        lost: (holder) => {
          standing.lost(holder.id);
          this.#candidates.putBack(holder);
        },
        silent: (holder) => this.#failed(holder),
        hedgeMs: HEDGE_MS,
        patienceMs: this.#init.patienceMs,
      },
      signal,
    );
    this.#giver = candidate;
    return { chain: answer.chain, bytes: this.#body(answer, offset, abort, signal) };
  }

  /** See {@link Source.blame}. Wrong bytes shut the peer out, for all blobs. */
  blame(error: SourceError): void {
    if (error.code === "WRONG_BYTES") this.#parts.standing.lied(this.#giver.id);
    this.#failed(this.#giver);
  }

  #next(): Holder | undefined {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#candidates.take();
  }

  async #ask(holder: Holder, offset: number, signal: AbortSignal): Promise<Opened> {
    const { client } = this.#parts;
    const { digest, size } = this.#init.want;
    const tried = this.#candidates.asked.filter((id) => id !== holder.id);
    let reply: BlobReply | undefined;
    try {
      reply = await client.get(holder, { digest, offset, tried, signal });
      const answer = checkAnswer(reply, { offset, size });
      if (this.#isCircle(answer) && answer.present <= offset) throw new SourceError("BUSY", "gets it from this box");
      return { ...answer, reply };
    } catch (error) {
      reply?.body.destroy();
      if (!signal.aborted) this.#note(holder, error, reply);
      throw error;
    }
  }

  /** What a refusal teaches. */
  #note(holder: Holder, error: unknown, reply: BlobReply | undefined): void {
    const { directory } = this.#parts;
    const code = error instanceof SourceError ? error.code : undefined;
    if (code === "ABSENT") return directory.disown(holder.id, this.#init.want.digest);
    if (code !== "BUSY") return this.#failed(holder);
    this.#candidates.wasBusy(holder, readIds(reply!.headers, RECEIVING_HEADER), (id) => directory.peer(id));
  }

  #isCircle({ chain }: Answer): boolean {
    return chain.includes(this.#parts.ownId);
  }

  async *#body(opened: Opened, offset: number, abort: AbortController, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { standing, traffic } = this.#parts;
    const { size } = this.#init.want;
    const giver = this.#giver;
    const { present, reply } = opened;
    const body = { chunks: reply.body, offset, size, present, isCircle: this.#isCircle(opened), name: giver.name };
    const letGo = (): void => abort.abort(signal.reason);
    signal.addEventListener("abort", letGo, { once: true });
    try {
      for await (const bytes of readBody(body, (reason) => abort.abort(reason))) {
        traffic.received(giver.id, bytes.length);
        yield bytes;
      }
      standing.succeeded(giver.id);
    } catch (error) {
      signal.throwIfAborted();
      if (!hasCode(error, "BUSY")) this.#failed(giver);
      throw error;
    } finally {
      signal.removeEventListener("abort", letGo);
      abort.abort(new Error("nobody reads on"));
    }
  }

  #failed({ id }: Holder): void {
    const { standing, traffic } = this.#parts;
    standing.failed(id);
    standing.avoid(id, this.#init.want.digest);
    traffic.failed(id);
  }
}
