import type { ManifestRecord } from "./records.ts";
import type { ManifestChange, Tables } from "./tables.ts";

/** Lines that change in one batch, or a little more: larger ones are no faster, and cost memory. */
const BATCH_LINES = 300;

/** Gathers the changes of a refresh into batches, and keeps `known` in step with what was written. */
export class Writer {
  readonly #tables: Tables;
  readonly #known: Map<string, ManifestRecord>;
  #changes: ManifestChange[] = [];
  #lines = 0;
  #changed = false;

  constructor(tables: Tables, known: Map<string, ManifestRecord>) {
    this.#tables = tables;
    this.#known = known;
  }

  /** Whether any line was written or removed. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Takes a change; waits when that fills a batch. */
  async add(change: ManifestChange): Promise<void> {
    const lines = change.added.length + change.removed.length;
    this.#changes.push(change);
    this.#changed ||= lines > 0;
    this.#lines += lines + 1;
    if (this.#lines >= BATCH_LINES) await this.flush();
  }

  /** Writes what is left. */
  async flush(): Promise<void> {
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    this.#lines = 0;
    await this.#tables.write(changes);
    for (const { dir, record } of changes) {
      if (record === undefined) this.#known.delete(dir);
      else this.#known.set(dir, record);
    }
  }
}
