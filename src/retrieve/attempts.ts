import type { Attempt } from "../core/report/attempt.ts";
import { SourceError, messageOf } from "../core/errors.ts";
import type { Source } from "../core/source.ts";

/** What tells one try that brought nothing from another. */
const TOLD = ["kind", "source", "growing", "offset", "outcome", "detail"] as const;

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

  /** Ends it; without an error it went well. An answer that brings no bytes is an answer, too. */
  end(error?: unknown): Attempt {
    if (this.#firstMs === undefined && isAnswer(error)) this.answered();
    return {
      kind: this.source.kind,
      source: this.source.label,
      ...(this.source.isGrowing && { growing: true }),
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

/** Adds a try to a list; one that ended as another before it, and brought as little, is counted with that one. */
export function addAttempt(attempts: Attempt[], attempt: Attempt): void {
  const at = attempts.findLastIndex((earlier) => isRepeated(earlier, attempt));
  const earlier = attempts[at];
  if (earlier === undefined) return void attempts.push(attempt);
  const { times = 1, ms } = earlier;
  attempts[at] = { ...earlier, times: times + 1, last_at: attempt.at, ms: ms + attempt.ms };
}

/** A box that is busy may be asked ten times a second for as long as it is. */
function isRepeated(earlier: Attempt, attempt: Attempt): boolean {
  const brought = earlier.bytes + attempt.bytes;
  return brought === 0 && TOLD.every((field) => earlier[field] === attempt[field]);
}

function isAnswer(error: unknown): boolean {
  return error instanceof SourceError && (error.status !== undefined || error.code === "ABSENT");
}

function outcomeOf(error: unknown): string {
  if (error === undefined) return "ok";
  return error instanceof SourceError ? error.code : "aborted";
}
