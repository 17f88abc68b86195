import fastq from "fastq";
import { abortable } from "../core/pulse.ts";
import type { SourceKind } from "../core/source.ts";

type Task = () => Promise<void>;

/** Bounds how many transfers run at once, by kind of source: a thousand wanted files open no thousand connections. */
export class TransferQueue {
  readonly #queues: Record<SourceKind, fastq.queueAsPromised<Task, void>>;

  constructor(limits: Readonly<Record<SourceKind, number>>) {
    const queue = (limit: number): fastq.queueAsPromised<Task, void> => fastq.promise((task: Task) => task(), limit);
    this.#queues = { peer: queue(limits.peer), upstream: queue(limits.upstream) };
  }

  /** Runs a task when its turn comes. Rejects with the signal's reason when it aborts before; then it never runs. */
  async run(kind: SourceKind, signal: AbortSignal, task: Task): Promise<void> {
    signal.throwIfAborted();
    const left = new AbortController();
    const cancel = (): void => left.abort(signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    const turn = this.#queues[kind].push(async () => {
      signal.throwIfAborted();
      signal.removeEventListener("abort", cancel);
      await task();
    });
    turn.catch(() => {}); // when it is cancelled, nobody else hears of it
    await abortable(turn, left.signal);
  }
}
