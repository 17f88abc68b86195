import { SourceError } from "../core/errors.ts";
import { Pulse } from "../core/pulse.ts";

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

/**
 * Asks one; another one beside it when it does not answer soon, or in its place when it fails; takes the first good answer
 * and aborts the others. Those that are silent are waited for, as long as there is time, and are not lost to one that
 * answers; but no longer than it takes to ask another one where somebody has it and only has too many readers: the
 * silent one may be such a reader, and gone.
 *
 * @returns the answer and who gave it; abort `abort` to let go of it.
 * @throws {SourceError} the last fault when all failed, or the one of who has too many readers; `HEADER_TIMEOUT` when
 * nobody answered in time, or the signal's reason.
 */
export async function firstAnswer<C, A>(
  question: Question<C, A>,
  signal: AbortSignal,
): Promise<{ candidate: C; answer: A; abort: AbortController }> {
  const running = new Set<Runner<C, A>>();
  const settled = new Pulse();
  let deadline = performance.now() + question.patienceMs;
  let { graceMs } = question;
  let newsAt = performance.now();
  let fault: unknown = new SourceError("ABSENT", "nobody has it");
  let full: unknown;
  try {
    for (;;) {
      signal.throwIfAborted();
      const candidate = running.size < MAX_AT_ONCE ? question.next() : undefined;
      if (candidate !== undefined) {
        start(question, candidate, running, settled);
        newsAt = performance.now();
      }
      if (running.size === 0) throw full ?? fault;
      const nextAt = candidate === undefined && full === undefined ? deadline : newsAt + question.hedgeMs;
      await someSettled(running, settled, Math.min(nextAt, deadline), signal);
      for (const runner of running) {
        if (runner.outcome === undefined) continue;
        running.delete(runner);
        newsAt = performance.now();
        if ("answer" in runner.outcome) return take(runner, runner.outcome.answer, running, question);
        fault = runner.outcome.error;
        if (hasTooManyReaders(fault)) full = fault;
      }
      const isTimeToAskAgain = performance.now() >= newsAt + question.hedgeMs;
      if (candidate === undefined && full !== undefined && isTimeToAskAgain) throw passOver(running, question, full);
      if (performance.now() < deadline) continue;
      tellSilent(running, question);
      if (graceMs === 0) throw silence(question);
      deadline += graceMs;
      graceMs = 0;
    }
  } finally {
    for (const runner of running) runner.abort.abort(new Error("another one answered"));
  }
}

function start<C, A>(question: Question<C, A>, candidate: C, running: Set<Runner<C, A>>, settled: Pulse): void {
  const runner: Runner<C, A> = { candidate, abort: new AbortController(), isSilent: false };
  running.add(runner);
  question
    .ask(candidate, runner.abort.signal)
    .then(
      (answer) => (runner.outcome = { answer }),
      (error: unknown) => (runner.outcome = { error }),
    )
    .finally(() => settled.fire());
}

async function someSettled<C, A>(
  running: Set<Runner<C, A>>,
  settled: Pulse,
  until: number,
  signal: AbortSignal,
): Promise<void> {
  if ([...running].some(({ outcome }) => outcome !== undefined)) return;
  const timer = setTimeout(() => settled.fire(), Math.max(0, until - performance.now()));
  await settled.wait(signal).finally(() => clearTimeout(timer));
}

function take<C, A>(
  { candidate, abort }: Runner<C, A>,
  answer: A,
  others: Set<Runner<C, A>>,
  { lost }: Question<C, A>,
): { candidate: C; answer: A; abort: AbortController } {
  for (const other of others) if (other.outcome === undefined && !other.isSilent) lost(other.candidate);
  return { candidate, answer, abort };
}

function hasTooManyReaders(fault: unknown): boolean {
  return fault instanceof SourceError && fault.status === 503;
}

function passOver<C, A>(running: Set<Runner<C, A>>, { lost }: Question<C, A>, fault: unknown): unknown {
  for (const { candidate, isSilent } of running) if (!isSilent) lost(candidate);
  return fault;
}

function tellSilent<C, A>(running: Set<Runner<C, A>>, { silent }: Question<C, A>): void {
  for (const runner of running) {
    if (!runner.isSilent) silent(runner.candidate);
    runner.isSilent = true;
  }
}

function silence<C, A>({ patienceMs, graceMs }: Question<C, A>): SourceError {
  return new SourceError("HEADER_TIMEOUT", `no answer within ${patienceMs + graceMs} ms`);
}
