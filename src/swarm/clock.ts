/** Time, as what waits uses it: tests have one of their own. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls `task` when {@link now} has reached `time`; the result cancels that. */
  at(time: number, task: () => void): () => void;
}

/**
 * The clock of the system. What has arrived by then is taken in before a task: where this process was held up, an answer
 * that lies there is not late.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  at: (time, task) => {
    let turn: NodeJS.Immediate | undefined;
    const begin = (): void => void (turn = setImmediate(task));
    const timer = setTimeout(begin, Math.max(0, Math.ceil(time - performance.now())));
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
};
