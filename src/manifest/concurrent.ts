import { once } from "node:events";

/** Does `work` for each item, `limit` at a time. After an error none is begun; it is thrown when those begun have ended. */
export async function forEachConcurrently<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items].toReversed();
  async function worker(): Promise<void> {
    try {
      while (waiting.length > 0) await work(waiting.pop()!);
    } finally {
      waiting.length = 0;
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: limit }, worker));
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

/** What `promise` gives, or `fallback` once `signal` is aborted. */
export async function unlessAborted<T>(promise: Promise<T>, fallback: T, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return fallback;
  const settled = new AbortController();
  const aborted = once(signal, "abort", { signal: settled.signal }).then(
    () => fallback,
    () => fallback,
  );
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    settled.abort();
  }
}
