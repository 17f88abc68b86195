import type { Want } from "../core/distfile.ts";
import { SourceError } from "../core/errors.ts";
import { withoutCredentials } from "../core/net/credentials.ts";
import type { Source, SourceBody } from "../core/source.ts";
import type { UpstreamAnswer } from "../core/upstream.ts";
import { accept } from "./answer.ts";
import type { Blames } from "./blames.ts";
import type { Health } from "./health.ts";
import { faultOf } from "./http-fault.ts";
import type { HttpClient } from "./http-client.ts";
import { refuseLoop } from "./loop.ts";
import { guarded } from "./page-guard.ts";
import type { Candidate } from "./source-order.ts";
import type { SendNaming, WaitingAgents } from "./waiting-agents.ts";

/** What the sources of upstream share. */
export interface SourceParts {
  readonly client: HttpClient;
  readonly health: Health;
  readonly blames: Blames;
  readonly waiting: WaitingAgents;
  /** Name and value in turn. */
  readonly headers: readonly string[];
  readonly now: () => number;
}

/** One URL that may give a wanted blob. */
export class UpstreamSource implements Source {
  readonly kind = "upstream";
  readonly label: string;
  readonly #url: string;
  readonly #origin: string;
  readonly #want: Want;
  readonly #parts: SourceParts;

  constructor({ url, origin }: Candidate, want: Want, parts: SourceParts) {
    this.label = withoutCredentials(url);
    this.#url = url;
    this.#origin = origin;
    this.#want = want;
    this.#parts = parts;
  }

  /** See {@link Source.open}. */
  async open({ offset, signal }: { offset: number; signal: AbortSignal }): Promise<SourceBody> {
    const startedAt = performance.now();
    this.#parts.health.asked(this.#origin);
    try {
      const answer = await this.#ask(offset, signal);
      const skip = accept(answer, { size: this.#want.size, offset }, this.#parts.now());
      return { bytes: this.#body(answer, { skip, wanted: this.#want.size - offset, startedAt, signal }) };
    } catch (error) {
      throw this.#told(faultOf(error, "headers", this.label), signal, 0);
    }
  }

  /** See {@link Source.blame}. */
  blame(): void {
    this.#parts.blames.add(this.#url, this.#want.digest);
    this.#parts.health.blamed(this.#origin);
  }

  /** See {@link Source.outpaced}. Where all servers are as slow it is the line, and they keep their order. */
  outpaced(): void {
    this.#parts.health.failed(this.#origin, new SourceError("STALLED", `${this.label}: hardly anything comes`));
  }

  /** Only a mirror that is asked by digest may be an agent. */
  async #ask(offset: number, signal: AbortSignal): Promise<UpstreamAnswer> {
    const { client, waiting, headers } = this.#parts;
    const { digest } = this.#want;
    const range = offset > 0 ? ["Range", `bytes=${offset}-`] : [];
    const request = { method: "GET", url: this.#url, followRedirects: true };
    const send: SendNaming = async (via, until) => {
      const asked = { ...request, headers: [...headers, ...range, ...via], signal: until };
      const answer = await client.request(asked);
      refuseLoop(answer, asked.headers);
      return answer;
    };
    return this.label.includes(digest) ? waiting.send(digest, signal, send) : send(waiting.via(digest), signal);
  }

  /** Cuts the body to what is wanted, and tells the health how it went. A consumer that leaves early tells nothing. */
  async *#body(
    answer: UpstreamAnswer,
    { skip, wanted, startedAt, signal }: { skip: number; wanted: number; startedAt: number; signal: AbortSignal },
  ): AsyncGenerator<Buffer> {
    let toSkip = skip;
    let missing = wanted;
    try {
      for await (const chunk of guarded(answer, skip + wanted)) {
        const part = chunk.subarray(toSkip, toSkip + missing);
        toSkip -= Math.min(toSkip, chunk.length);
        missing -= part.length;
        if (part.length > 0) yield part;
        if (missing === 0) {
          answer.body.destroy(); // leaving the loop would do so with an error, which costs a stack trace
          break;
        }
      }
      if (missing > 0) throw new SourceError("BROKEN", `${answer.url} ended ${missing} bytes early`);
      this.#parts.health.succeeded(this.#origin, { bytes: skip + wanted, ms: performance.now() - startedAt });
    } catch (error) {
      throw this.#told(faultOf(error, "body", this.label), signal, wanted - missing);
    }
  }

  /** The error to throw: the signal's reason when the caller let go, else the fault, which the health is told. */
  #told(fault: SourceError, signal: AbortSignal, bytes: number): unknown {
    if (signal.aborted) return signal.reason;
    this.#parts.health.failed(this.#origin, fault, bytes);
    return fault;
  }
}
