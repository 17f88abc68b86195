import type { StoreToolEvent } from "../../core/report/store-tool-event.ts";

/** How often long work on one file is reported, in milliseconds. */
const REPORT_INTERVAL_MS = 500;

/** One `file` event. */
export type FileReport = Extract<StoreToolEvent, { event: "file" }>;

/** The sum of a tool's work: makes its progress events, and its summary at the end. */
export class Report {
  #counts: Record<string, number> = {};
  #done = 0;
  #bytes = 0;
  readonly #total: number;

  /** @param total files to come */
  constructor(total: number) {
    this.#total = total;
  }

  /** Counts bytes worked on. */
  addBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Counts a file as done; in the summary too, where `as` says under which word. */
  pass(as?: string): void {
    this.#done++;
    if (as !== undefined) this.#counts[as] = (this.#counts[as] ?? 0) + 1;
  }

  /** Counts one verdict on a file, and makes its event. */
  file(report: Omit<FileReport, "event">): StoreToolEvent {
    this.#counts[report.verdict] = (this.#counts[report.verdict] ?? 0) + 1;
    return { event: "file", ...report };
  }

  /** Progress before `file`. */
  progress(file?: string): StoreToolEvent {
    return {
      event: "progress",
      done: this.#done,
      total: this.#total,
      bytes: this.#bytes,
      ...(file !== undefined && { file }),
    };
  }

  /** @param idle says why, where there was nothing to do; `leftOut`: how much was not looked at, by what it is */
  summary(idle: string, leftOut: Readonly<Record<string, number>> = {}): StoreToolEvent {
    return {
      event: "summary",
      counts: this.#counts,
      bytes: this.#bytes,
      ...(Object.keys(leftOut).length > 0 && { left_out: leftOut }),
      ...(Object.keys(this.#counts).length === 0 && { idle }),
    };
  }

  /** Yields progress on `file` at its start and while `work` goes on; returns what the work returns. */
  async *during<T>(work: Promise<T>, file: string): AsyncGenerator<StoreToolEvent, T> {
    work.catch(() => {}); // thrown below, unless the consumer leaves before
    do yield this.progress(file);
    while (!(await settlesWithin(work, REPORT_INTERVAL_MS)));
    return work;
  }
}

function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    const settled = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settled, settled);
  });
}
