import type { Digest } from "../core/digest.ts";
import type { Logger } from "../core/logger.ts";
import type { ChunkSums } from "./chunk-sums.ts";
import type { EvictionCandidate } from "./eviction.ts";
import { type Table, TableWriter } from "./table-writer.ts";

/** How long new records wait for others to be written with, in milliseconds: in a run of small files each write shows. */
const GATHER_MS = 250;

/** What is recorded of one blob of the store. Times are milliseconds since 1970. */
export interface BlobRecord {
  readonly size: number;
  readonly added: number;
  readonly used: number;
  /** Absent after the records were rebuilt from the disk, until its digest is checked at the first use. */
  readonly sums?: ChunkSums;
  /** Set by a fsck that was not asked to repair: never served again. */
  readonly damaged?: true;
}

/**
 * The records of the store's blobs: all in memory, kept in a table. Changes count at once and are written behind. A write
 * that fails is tried again at the next {@link BlobRecords.flush}; what a crash loses is made anew from the disk.
 */
export class BlobRecords {
  readonly #table: Table<BlobRecord>;
  readonly #writer: TableWriter<Digest, BlobRecord>;
  /** In the order of use: eviction looks at the first of them, however many there are. */
  #records = new Map<Digest, BlobRecord>();
  #inOrder = true;
  /** When the blob was used that was used last. */
  #lastUsed = 0;
  #writeSoon: NodeJS.Timeout | undefined;
  #bytes = 0;
  #damaged = 0;

  constructor(components: { table: Table<BlobRecord>; log: Logger }) {
    const { table, log } = components;
    this.#table = table;
    this.#writer = new TableWriter({ table, row: (digest) => this.get(digest), log }, { rows: "blob records" });
  }

  /** Bytes of all recorded blobs. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#records.size;
  }

  /** How many were found damaged and are served no more. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Why records are not written, in one line; undefined when the last try went well. */
  get problem(): string | undefined {
    return this.#writer.problem;
  }

  /** Reads the table. */
  async load(): Promise<void> {
    for await (const [digest, record] of this.#table.iterator()) this.#setLast(digest as Digest, record);
    this.#sort();
  }

  get(digest: Digest): BlobRecord | undefined {
    return this.#records.get(digest);
  }

  has(digest: Digest): boolean {
    return this.#records.has(digest);
  }

  /** All records as they are now. */
  entries(): [Digest, BlobRecord][] {
    return [...this.#records];
  }

  /** A blob as eviction sees it, if it is recorded. */
  candidate(digest: Digest): EvictionCandidate | undefined {
    const record = this.#records.get(digest);
    return record && { digest, size: record.size, used: record.used };
  }

  /** All of them, the least recently used first; of those used in one millisecond the earlier. */
  *candidates(): IterableIterator<EvictionCandidate> {
    if (!this.#inOrder) this.#sort();
    for (const digest of this.#records.keys()) yield this.candidate(digest)!;
  }

  /**
   * The time of a use at `now`: after all others, also where the clock was set back. Else what was used before that would
   * outlive, over each restart, all that comes until the clock has caught up.
   */
  timeOfUse(now: number): number {
    return now >= this.#lastUsed ? now : this.#lastUsed + 1;
  }

  /** Records a new blob; written a moment later. */
  add(digest: Digest, record: BlobRecord): void {
    this.#setLast(digest, record);
    this.#writer.note(digest);
    this.#writeSoon ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  /** Records a change of a blob, which is no use of it; resolves when it is written. */
  async put(digest: Digest, record: BlobRecord): Promise<void> {
    this.#set(digest, record);
    this.#writer.note(digest);
    await this.#writer.write();
  }

  /** Forgets a blob, if it is recorded; resolves when that is written. */
  async delete(digest: Digest): Promise<void> {
    if (!this.#forget(digest)) return;
    this.#writer.note(digest);
    await this.#writer.write();
  }

  /** Notes a use at `now`; written by the next {@link flush}, not at each use. */
  touch(digest: Digest, now: number): void {
    const record = this.#records.get(digest);
    if (record === undefined) return;
    this.#setLast(digest, { ...record, used: this.timeOfUse(now) });
    this.#writer.note(digest);
  }

  /** Writes what was recorded and noted since the last flush, and what could not be written before. */
  async flush(): Promise<void> {
    clearTimeout(this.#writeSoon);
    this.#writeSoon = undefined;
    await this.#writer.write();
  }

  #setLast(digest: Digest, record: BlobRecord): void {
    this.#forget(digest);
    this.#set(digest, record);
    this.#inOrder &&= record.used >= this.#lastUsed;
    this.#lastUsed = Math.max(this.#lastUsed, record.used);
  }

  #set(digest: Digest, record: BlobRecord): void {
    this.#uncount(this.#records.get(digest));
    this.#records.set(digest, record);
    this.#bytes += record.size;
    this.#damaged += record.damaged ? 1 : 0;
  }

  /** Whether it was recorded. */
  #forget(digest: Digest): boolean {
    this.#uncount(this.#records.get(digest));
    return this.#records.delete(digest);
  }

  #uncount(record: BlobRecord | undefined): void {
    if (record === undefined) return;
    this.#bytes -= record.size;
    this.#damaged -= record.damaged ? 1 : 0;
  }

  #sort(): void {
    this.#records = new Map([...this.#records].sort(([, a], [, b]) => a.used - b.used));
    this.#inOrder = true;
  }
}
