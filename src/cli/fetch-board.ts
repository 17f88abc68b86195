import type { FetchEvent } from "../core/report/fetch-event.ts";

/** One asked line, as far as it has come. */
export interface FetchLine {
  readonly name: string;
  /** 0 until it is known. */
  readonly size: number;
  readonly received: number;
  readonly source?: string;
}

type Done = Extract<FetchEvent, { event: "done" }>;
type Failed = Extract<FetchEvent, { event: "failed" }>;

/** Keeps count of a `fetch` by its events. */
export class FetchBoard {
  /** How many lines were asked for. */
  readonly total: number;
  readonly failed: Failed[] = [];
  readonly done: Done[] = [];
  readonly #asked: readonly string[];
  readonly #underWay = new Map<number, FetchLine>();

  constructor(asked: readonly string[]) {
    this.#asked = asked;
    this.total = asked.length;
  }

  /** Lines that were begun and have not ended, in the order of their beginning. */
  get underWay(): readonly FetchLine[] {
    return [...this.#underWay.values()];
  }

  /** What is known of a line; of one that has ended, until {@link apply} is told so. */
  line(number: number): FetchLine {
    return this.#underWay.get(number) ?? { name: this.#asked[number] ?? "", size: 0, received: 0 };
  }

  apply(event: FetchEvent): void {
    const before = this.line(event.line);
    if (event.event === "started") {
      this.#underWay.set(event.line, { name: event.name, size: event.size, received: 0 });
    } else if (event.event === "progress") {
      const { received, source } = event;
      this.#underWay.set(event.line, { ...before, received, ...(source !== undefined && { source }) });
    } else {
      this.#underWay.delete(event.line);
      if (event.event === "done") this.done.push(event);
      else this.failed.push(event);
    }
  }
}
