/** Time, as what waits uses it: tests have one of their own. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls `task` when {@link now} has reached `time`; the result cancels that. */
  at(time: number, task: () => void): () => void;
}

/** The clock of the system. */
export const systemClock: Clock = {
  now: () => performance.now(),
  at: (time, task) => {
    const timer = setTimeout(task, Math.max(0, Math.ceil(time - performance.now())));
    return () => clearTimeout(timer);
  },
};
