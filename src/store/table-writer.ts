import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/async/one-by-one.ts";

/** Most rows of one batch, which level turns into bytes on the spot: some 5 ms for so many. */
const BATCH_ROWS = 1000;

/** What the store uses of a level sublevel with JSON values. */
export interface Table<V> {
  iterator(): AsyncIterable<[string, V]>;
  batch(operations: TableOperation<V>[]): Promise<void>;
}

/** One change of a {@link Table}. */
export type TableOperation<V> = { type: "put"; key: string; value: V } | { type: "del"; key: string };

/** Where the rows are written to, where they come from, and who is told. */
interface TableWriterComponents<K, V> {
  readonly table: Pick<Table<V>, "batch">;
  /** The row of a key as it is now; undefined: there is none. */
  readonly row: (key: K) => V | undefined;
  readonly log: Logger;
}

/** Brings a table in line with rows in memory, behind them and many at once. A row that cannot be written stays due. */
export class TableWriter<K extends string, V> {
  readonly #table: Pick<Table<V>, "batch">;
  readonly #row: (key: K) => V | undefined;
  readonly #log: Logger;
  readonly #rows: string;
  /** Keys of the rows that are other ones in the table, or are there no more, or not yet. */
  readonly #due = new Set<K>();
  /** One write at a time, lest an older row comes last. */
  readonly #writes = new OneByOne();
  /** The write that has not begun: who asks for one by then shares it. */
  #next: Promise<void> | undefined;
  /** Why the last write failed. */
  #fault: string | undefined;

  /** @param init.rows what the log calls them. */
  constructor(components: TableWriterComponents<K, V>, init: { readonly rows: string }) {
    this.#table = components.table;
    this.#row = components.row;
    this.#log = components.log;
    this.#rows = init.rows;
  }

  /** Why rows are not written, in one line; undefined when the last try went well. */
  get problem(): string | undefined {
    return this.#fault === undefined ? undefined : `cannot write ${this.#rows} (${this.#fault}); it is tried again`;
  }

  /** Has a row written with the next ones. */
  note(key: K): void {
    this.#due.add(key);
  }

  /** Writes what is due. Resolves when it is written, or could not be: the log says why, and the next call tries again. */
  write(): Promise<void> {
    this.#next ??= this.#writes.run(async () => {
      this.#next = undefined;
      await this.#writeDue().catch((error: unknown) => this.#complain(error));
    });
    return this.#next;
  }

  async #writeDue(): Promise<void> {
    const due = [...this.#due];
    for (let at = 0; at < due.length; at += BATCH_ROWS) await this.#writeBatch(due.slice(at, at + BATCH_ROWS));
  }

  async #writeBatch(keys: readonly K[]): Promise<void> {
    for (const key of keys) this.#due.delete(key);
    try {
      await this.#table.batch(keys.map((key) => this.#operation(key)));
      this.#fault = undefined;
    } catch (error) {
      for (const key of keys) this.#due.add(key);
      throw error;
    }
  }

  #operation(key: K): TableOperation<V> {
    const value = this.#row(key);
    return value === undefined ? { type: "del", key } : { type: "put", key, value };
  }

  #complain(error: unknown): void {
    const told = this.problem;
    this.#fault = messageOf(error);
    if (this.problem !== told) this.#log.warn(this.problem);
  }
}
