import type { ByteRange, OpenBlob } from "../core/blob-store.ts";
import type { Loan } from "../core/data/buffer-pool.ts";
import type { Digest } from "../core/digest.ts";
import { hasCode } from "../core/errors.ts";
import type { Origin } from "../core/source.ts";
import type { Charges } from "./charges.ts";
import type { FlightReader } from "./flight-reader.ts";

/** A blob that can be given to a client now: its first byte may leave. */
export interface Content {
  readonly digest: Digest;
  readonly size: number;
  /** Where the bytes come from. */
  readonly origin: Origin;
  /** Whether it joined a flight that somebody else had begun. */
  readonly collapsed: boolean;
  /** Whether it is in the store, or on its way there, as far as is known now. */
  readonly isKept: boolean;
  /**
   * Told how many bytes of it a client was given: how many of these count as come from `origin` (see {@link Charges}).
   */
  charge(given: number): number;
  /**
   * The bytes of a range, in buffers that are only lent: each is the consumer's until it has asked for two more. Throws
   * when they end early: pass it on as a broken body, never as a clean end.
   */
  read(range: ByteRange, signal: AbortSignal): AsyncIterable<Buffer>;
  /** Lets go of it, once the bytes read have left or never will: their buffers are used again. Safe to call twice. */
  close(): Promise<void>;
}

/** How a stored blob that turns out damaged is gone on with: the same blob, from elsewhere. */
type Continue = (signal: AbortSignal) => Promise<Content>;

/** A blob in the store. Where it turns out damaged, the rest is retrieved anew; what left until then was right. */
export class StoredContent implements Content {
  readonly origin = "store";
  readonly collapsed = false;
  readonly isKept = true;
  readonly #blob: OpenBlob;
  readonly #loan: Loan;
  readonly #continue: Continue;
  #rest: Content | undefined;

  constructor(blob: OpenBlob, loan: Loan, proceed: Continue) {
    this.#blob = blob;
    this.#loan = loan;
    this.#continue = proceed;
  }

  get digest(): Digest {
    return this.#blob.digest;
  }

  get size(): number {
    return this.#blob.size;
  }

  charge(given: number): number {
    return given;
  }

  async *read(range: ByteRange, signal: AbortSignal): AsyncGenerator<Buffer> {
    let position = range.start;
    try {
      for await (const bytes of this.#blob.read(range, { lend: this.#loan })) {
        position += bytes.length;
        yield bytes;
      }
    } catch (error) {
      if (!hasCode(error, "BLOB_DAMAGED")) throw error;
      this.#rest = await this.#continue(signal);
      yield* this.#rest.read({ start: position, end: range.end }, signal);
    }
  }

  async close(): Promise<void> {
    await this.#blob.close();
    this.#loan.end();
    await this.#rest?.close();
  }
}

/** A blob on its way. */
export class FlightContent implements Content {
  readonly digest: Digest;
  readonly size: number;
  readonly origin: Content["origin"];
  readonly collapsed: boolean;
  readonly #reader: FlightReader;
  readonly #charges: Charges;

  constructor(
    { reader, charges }: { reader: FlightReader; charges: Charges },
    facts: { digest: Digest; size: number; origin: Content["origin"]; collapsed: boolean },
  ) {
    this.#reader = reader;
    this.#charges = charges;
    this.digest = facts.digest;
    this.size = facts.size;
    this.origin = facts.origin;
    this.collapsed = facts.collapsed;
  }

  charge(given: number): number {
    return this.origin === "store" ? given : this.#charges.charge(given);
  }

  get isKept(): boolean {
    return this.#reader.isKept;
  }

  read(range: ByteRange, signal: AbortSignal): AsyncIterable<Buffer> {
    return this.#reader.read(range, signal);
  }

  async close(): Promise<void> {
    this.#reader.close();
  }
}
