import { SourceError } from "../core/errors.ts";
import { Pulse } from "../core/async/pulse.ts";

/** Asked at the same time at most. */
const MAX_AT_ONCE = 3;

/** How to ask several for the same. */
export interface Question<C, A> {
  /** The next one to ask, best first; undefined when nobody is left now. */
  readonly next: () => C | undefined;
  /** Asks one. The answer lives until `signal` aborts. Rejects with what was wrong. */
  readonly ask: (candidate: C, signal: AbortSignal) => Promise<A>;
  /** Told of each that had not answered when another one did, or when it pays better to ask another one again. */
  readonly lost: (candidate: C) => void;
  /** Told once of each that had not answered when the patience was over. */
  readonly silent: (candidate: C) => void;
  /** Another one is asked beside those that have not answered within this time. */
  readonly hedgeMs: number;
  /** How long to wait for any answer, and how much longer once those that were asked are known to be silent. */
  readonly patienceMs: number;
  readonly graceMs: number;
}

/** One that was asked. */
interface Runner<C, A> {
  readonly candidate: C;
  readonly abort: AbortController;
  isSilent: boolean;
  outcome?: { readonly answer: A } | { readonly error: unknown };
}

/** The answer that came first, and who gave it; abort `abort` to let go of it. */
interface FirstAnswer<C, A> {
  readonly candidate: C;
  readonly answer: A;
  readonly abort: AbortController;
}

/**
 * Asks one; another one beside it when it does not answer soon, or in its place when it fails; takes the first good answer
 * and aborts the others. Those that are silent are waited for, as long as there is time, and are not lost to one that
 * answers; but no longer than it takes to ask another one where somebody has it and only has too many readers: the
 * silent one may be such a reader, and gone.
 *
 * @throws {SourceError} the last fault when all failed, or the one of who has too many readers; `HEADER_TIMEOUT` when
 * nobody answered in time, or the signal's reason.
 */
export async function firstAnswer<C, A>(question: Question<C, A>, signal: AbortSignal): Promise<FirstAnswer<C, A>> {
  return new Asking(question).run(signal);
}

/** A question under way. */
class Asking<C, A> {
  readonly #question: Question<C, A>;
  readonly #running = new Set<Runner<C, A>>();
  readonly #settled = new Pulse();
  #deadline: number;
  /** What is added to the deadline, once. */
  #graceMs: number;
  /** When one was asked last, or came to an end. */
  #newsAt = performance.now();
  /** What was wrong last. */
  #fault: unknown = new SourceError("ABSENT", "nobody has it");
  /** The same of the last one that only had too many readers. */
  #full: unknown;

  constructor(question: Question<C, A>) {
    this.#question = question;
    this.#deadline = performance.now() + question.patienceMs;
    this.#graceMs = question.graceMs;
  }

  /** See {@link firstAnswer}; once. */
  async run(signal: AbortSignal): Promise<FirstAnswer<C, A>> {
    try {
      for (;;) {
        signal.throwIfAborted();
        const hasAsked = this.#askNext();
        if (this.#running.size === 0) throw this.#full ?? this.#fault;
        await this.#someSettled(this.#nextLookAt(hasAsked), signal);
        const first = this.#takeSettled();
        if (first !== undefined) return first;
        if (!hasAsked) this.#passOverForFull();
        if (performance.now() >= this.#deadline) this.#runOutOfPatience();
      }
    } finally {
      for (const { abort } of this.#running) abort.abort(new Error("another one answered"));
    }
  }

  /** Asks one more; false when nobody is left now, or enough are being asked. */
  #askNext(): boolean {
    const candidate = this.#running.size < MAX_AT_ONCE ? this.#question.next() : undefined;
    if (candidate === undefined) return false;
    const runner: Runner<C, A> = { candidate, abort: new AbortController(), isSilent: false };
    this.#running.add(runner);
    this.#newsAt = performance.now();
    this.#question
      .ask(candidate, runner.abort.signal)
      .then(
        (answer) => (runner.outcome = { answer }),
        (error: unknown) => (runner.outcome = { error }),
      )
      .finally(() => this.#settled.fire());
    return true;
  }

  /** Until when there is nothing to do but wait for an answer. */
  #nextLookAt(hasAsked: boolean): number {
    if (!hasAsked && this.#full === undefined) return this.#deadline;
    return Math.min(this.#newsAt + this.#question.hedgeMs, this.#deadline);
  }

  async #someSettled(until: number, signal: AbortSignal): Promise<void> {
    if ([...this.#running].some(({ outcome }) => outcome !== undefined)) return;
    const timer = setTimeout(() => this.#settled.fire(), Math.max(0, until - performance.now()));
    await this.#settled.wait(signal).finally(() => clearTimeout(timer));
  }

  /** The first answer among those that came to an end; what was wrong with the others is noted. */
  #takeSettled(): FirstAnswer<C, A> | undefined {
    for (const runner of this.#running) {
      const { candidate, outcome, abort } = runner;
      if (outcome === undefined) continue;
      this.#running.delete(runner);
      this.#newsAt = performance.now();
      if ("answer" in outcome) {
        this.#loseOthers();
        return { candidate, answer: outcome.answer, abort };
      }
      this.#fault = outcome.error;
      if (hasTooManyReaders(outcome.error)) this.#full = outcome.error;
    }
    return undefined;
  }

  /** Throws when it pays better to ask one again that only had too many readers than to wait for who has not answered. */
  #passOverForFull(): void {
    if (this.#full === undefined || performance.now() < this.#newsAt + this.#question.hedgeMs) return;
    this.#loseOthers();
    throw this.#full;
  }

  /** Whoever came to an end in the same moment, or is known to be silent, has not lost. */
  #loseOthers(): void {
    for (const { candidate, outcome, isSilent } of this.#running) {
      if (outcome === undefined && !isSilent) this.#question.lost(candidate);
    }
  }

  /** Tells who is silent; throws when there is no grace left. */
  #runOutOfPatience(): void {
    for (const runner of this.#running) {
      if (!runner.isSilent) this.#question.silent(runner.candidate);
      runner.isSilent = true;
    }
    const { patienceMs, graceMs } = this.#question;
    if (this.#graceMs === 0) throw new SourceError("HEADER_TIMEOUT", `no answer within ${patienceMs + graceMs} ms`);
    this.#deadline += this.#graceMs;
    this.#graceMs = 0;
  }
}

function hasTooManyReaders(fault: unknown): boolean {
  return fault instanceof SourceError && fault.status === 503;
}
