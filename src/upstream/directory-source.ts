import { stat } from "node:fs/promises";
import type { Want } from "../core/distfile.ts";
import { isGone, messageOf, SourceError } from "../core/errors.ts";
import type { Source, SourceBody } from "../core/source.ts";
import { readRange } from "./directory-answer.ts";
import type { Candidate } from "./source-order.ts";
import type { SourceParts } from "./upstream-source.ts";

/** A file in a mirror that is a directory of this box (a path in GENTOO_MIRRORS). */
export class DirectorySource implements Source {
  readonly kind = "upstream";
  readonly label: string;
  readonly #origin: string;
  readonly #want: Want;
  readonly #parts: Pick<SourceParts, "blames" | "health">;

  constructor({ url: path, origin }: Candidate, want: Want, parts: Pick<SourceParts, "blames" | "health">) {
    this.label = path;
    this.#origin = origin;
    this.#want = want;
    this.#parts = parts;
  }

  /** See {@link Source.open}. */
  async open({ offset, signal }: { offset: number; signal: AbortSignal }): Promise<SourceBody> {
    this.#parts.health.asked(this.#origin);
    const { size } = await stat(this.label).catch((error: unknown) => {
      throw this.#told(this.#fault(error));
    });
    if (size !== this.#want.size) {
      const message = `${this.label} has ${size} bytes, wanted are ${this.#want.size}`;
      throw this.#told(new SourceError("BAD_LENGTH", message));
    }
    return { bytes: this.#read(offset, signal) };
  }

  /** See {@link Source.blame}. */
  blame(): void {
    this.#parts.blames.add(this.label, this.#want.digest);
    this.#parts.health.blamed(this.#origin);
  }

  async *#read(start: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { size: end } = this.#want;
    const startedAt = performance.now();
    let position = start;
    try {
      for await (const chunk of readRange(this.label, { start, end }, signal) as AsyncIterable<Buffer>) {
        position += chunk.length;
        yield chunk;
      }
      if (position < end) throw new SourceError("BROKEN", `${this.label} ended ${end - position} bytes early`);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#told(this.#fault(error));
    }
    this.#parts.health.succeeded(this.#origin, { bytes: end - start, ms: performance.now() - startedAt });
  }

  #told(fault: SourceError): SourceError {
    this.#parts.health.failed(this.#origin, fault);
    return fault;
  }

  #fault(error: unknown): SourceError {
    if (error instanceof SourceError) return error;
    const code = isGone(error) ? "ABSENT" : "BROKEN";
    return new SourceError(code, `cannot read ${this.label}: ${messageOf(error)}`, { cause: error });
  }
}
