import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Want } from "../core/distfile.ts";
import { SourceError, messageOf, systemCode } from "../core/errors.ts";
import type { Source, SourceBody } from "../core/source.ts";
import type { Blames } from "./blames.ts";

/** A file in a mirror that is a directory of this box (a path in GENTOO_MIRRORS). */
export class DirectorySource implements Source {
  readonly kind = "upstream";
  readonly label: string;
  #want: Want;
  #blames: Blames;

  constructor(path: string, want: Want, blames: Blames) {
    this.label = path;
    this.#want = want;
    this.#blames = blames;
  }

  /** See {@link Source.open}. */
  async open({ offset, signal }: { offset: number; signal: AbortSignal }): Promise<SourceBody> {
    const { size } = await stat(this.label).catch((error: unknown) => {
      throw this.#fault(error);
    });
    if (size !== this.#want.size) {
      throw new SourceError("BAD_LENGTH", `${this.label} has ${size} bytes, wanted are ${this.#want.size}`);
    }
    return { bytes: this.#read(offset, signal) };
  }

  /** See {@link Source.blame}. */
  blame(): void {
    this.#blames.add(this.label, this.#want.digest);
  }

  async *#read(start: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      yield* createReadStream(this.label, { start, signal }) as AsyncIterable<Buffer>;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#fault(error);
    }
  }

  #fault(error: unknown): SourceError {
    const code = systemCode(error) === "ENOENT" ? "ABSENT" : "BROKEN";
    return new SourceError(code, `cannot read ${this.label}: ${messageOf(error)}`, { cause: error });
  }
}
