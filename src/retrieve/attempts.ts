import type { Attempt } from "../core/agent-api.ts";
import type { Digest } from "../core/digest.ts";
import { SourceError, messageOf } from "../core/errors.ts";
import type { Source } from "../core/source.ts";

/** How many retrievals are remembered for `explain`. */
const REMEMBERED = 1000;

/** One try at one source, while it runs. */
export class RunningAttempt {
  readonly source: Source;
  readonly #began = performance.now();
  readonly #at = new Date().toISOString();
  readonly #offset: number;
  #firstMs: number | undefined;
  bytes = 0;

  constructor(source: Source, offset: number) {
    this.source = source;
    this.#offset = offset;
  }

  /** The source has answered; its body comes. */
  answered(): void {
    this.#firstMs = performance.now() - this.#began;
  }

  /** Ends it; without an error it went well. */
  end(error?: unknown): Attempt {
    return {
      kind: this.source.kind,
      source: this.source.label,
      at: this.#at,
      offset: this.#offset,
      bytes: this.bytes,
      ...(this.#firstMs === undefined ? {} : { first_ms: Math.round(this.#firstMs) }),
      ms: Math.round(performance.now() - this.#began),
      outcome: outcomeOf(error),
      ...(error === undefined ? {} : { detail: messageOf(error) }),
    };
  }
}

function outcomeOf(error: unknown): string {
  if (error === undefined) return "ok";
  return error instanceof SourceError ? error.code : "aborted";
}

/** The last retrievals of this run: what `explain` tells of a file. */
export class AttemptHistory {
  readonly #byDigest = new Map<Digest, readonly Attempt[]>();

  /** Remembers a retrieval's attempts in place of the last one's. */
  remember(digest: Digest, attempts: readonly Attempt[]): void {
    this.#byDigest.delete(digest);
    this.#byDigest.set(digest, attempts);
    if (this.#byDigest.size <= REMEMBERED) return;
    const oldest = this.#byDigest.keys().next();
    if (!oldest.done) this.#byDigest.delete(oldest.value);
  }

  /** Oldest first; empty when there was none. */
  of(digest: Digest): readonly Attempt[] {
    return this.#byDigest.get(digest) ?? [];
  }
}
