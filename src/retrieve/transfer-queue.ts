import fastq from "fastq";
import type { SourceKind } from "../core/source.ts";

type Task = () => Promise<void>;

/** Bounds how many transfers run at once, by kind of source: a thousand wanted files open no thousand connections. */
export class TransferQueue {
  readonly #queues: Record<SourceKind, fastq.queueAsPromised<Task, void>>;

  constructor(limits: Readonly<Record<SourceKind, number>>) {
    const queue = (limit: number): fastq.queueAsPromised<Task, void> => fastq.promise((task: Task) => task(), limit);
    this.#queues = { peer: queue(limits.peer), upstream: queue(limits.upstream) };
  }

  /** Transfers under way, of all kinds. */
  get running(): number {
    return this.#queues.peer.running() + this.#queues.upstream.running();
  }

  /** Runs a task when its turn comes. Rejects with the signal's reason when it aborts before; then it never runs. */
  run(kind: SourceKind, signal: AbortSignal, task: Task): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => reject(signal.reason as Error);
      if (signal.aborted) return cancel();
      signal.addEventListener("abort", cancel, { once: true });
      const turn = async (): Promise<void> => {
        signal.removeEventListener("abort", cancel);
        if (!signal.aborted) await task();
      };
      this.#queues[kind].push(turn).then(resolve, reject);
    });
  }
}
