import type { Directory, Holder } from "../core/directory.ts";
import type { Want } from "../core/distfile.ts";
import { SourceError } from "../core/errors.ts";
import type { GrowingUse } from "../core/source.ts";
import { checkAnswer, type Answer } from "./answer.ts";
import type { Candidates } from "./candidates.ts";
import type { BlobReply } from "./peer-connection.ts";
import type { PeerClient } from "./peer-client.ts";
import type { PeerTraffic } from "./peer-traffic.ts";
import { PRESENT_HEADER, RECEIVING_HEADER, readBytes, readIds } from "./protocol.ts";
import type { Standing } from "./standing.ts";

/** What the peer sources share. */
export interface PeerSourceParts {
  readonly client: PeerClient;
  readonly directory: Directory;
  readonly standing: Standing;
  readonly traffic: PeerTraffic;
}

/** What is asked for. */
interface InquiryInit {
  readonly want: Want;
  readonly growing: GrowingUse;
}

/** A good answer of a peer, its body not read yet. */
export interface Opened extends Answer {
  readonly reply: BlobReply;
  /** Only the bytes present are asked for, though more would come. */
  readonly isBounded: boolean;
}

/** Asks those who hold a blob for it, a request each, and notes what their refusals teach of them. */
export class Inquiry {
  readonly #candidates: Candidates;
  readonly #parts: PeerSourceParts;
  readonly #init: InquiryInit;

  constructor(candidates: Candidates, parts: PeerSourceParts, init: InquiryInit) {
    this.#candidates = candidates;
    this.#parts = parts;
    this.#init = init;
  }

  /**
   * Asks one for the bytes from `offset` on. The answer lives until `signal` aborts.
   *
   * @throws {SourceError} what it did wrong, or why it gives nothing; the signal's reason.
   */
  async ask(holder: Holder, offset: number, signal: AbortSignal): Promise<Opened> {
    const { client } = this.#parts;
    const { digest, size } = this.#init.want;
    const tried = this.#candidates.inVain.filter((id) => id !== holder.id);
    let reply: BlobReply | undefined;
    try {
      reply = await client.get(holder, { digest, offset, tried, signal });
      const answer = checkAnswer(reply, { offset, size });
      if (answer.isGrowing) this.#checkGrowing(answer, holder, offset);
      return { ...answer, reply, isBounded: answer.isGrowing && this.#init.growing === "present" };
    } catch (error) {
      reply?.body.destroy();
      if (!signal.aborted) this.#note(holder, offset, error, reply);
      throw error;
    }
  }

  /** It broke off, stalled, refused or was not there: it is left alone for a while, and for this blob for longer. */
  failed(holder: Holder): void {
    const { standing, traffic } = this.#parts;
    const { id } = holder;
    this.#candidates.failed(holder);
    standing.failed(id);
    standing.avoid(id, this.#init.want.digest);
    traffic.failed(id);
  }

  /** Throws where a growing copy is of no use, or is not what its holder said. */
  #checkGrowing({ present }: Answer, holder: Holder, offset: number): void {
    const { growing } = this.#init;
    if (growing === "none") throw new SourceError("BUSY", "has not got all of it yet");
    if (holder.growing !== true) throw new SourceError("ABSENT", "has not got all of it, as it had said");
    if (growing === "present" && present <= offset) throw new SourceError("BUSY", "has no more than this box");
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
    if (code !== "BUSY") return this.failed(holder);
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
}
