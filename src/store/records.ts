import type { Digest } from "../core/digest.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/one-by-one.ts";
import type { ChunkSums } from "./chunk-sums.ts";
import type { EvictionCandidate } from "./eviction.ts";

/** How long new records wait for others to be written with, in milliseconds: in a run of small files each write shows. */
const GATHER_MS = 250;

/** What the store uses of a level sublevel with JSON values. */
export interface Table<V> {
  iterator(): AsyncIterable<[string, V]>;
  batch(operations: TableOperation<V>[]): Promise<void>;
}

/** One change of a {@link Table}. */
export type TableOperation<V> = { type: "put"; key: string; value: V } | { type: "del"; key: string };

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
  #table: Table<BlobRecord>;
  #log: Logger;
  #records = new Map<Digest, BlobRecord>();
  /** Blobs whose record in the table is another one, or is there no more, or not yet. */
  #unwritten = new Set<Digest>();
  #writes = new OneByOne();
  /** Why the last write failed. */
  #fault: string | undefined;
  #writeSoon: NodeJS.Timeout | undefined;
  #bytes = 0;
  #damaged = 0;

  constructor(components: { table: Table<BlobRecord>; log: Logger }) {
    this.#table = components.table;
    this.#log = components.log;
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

  /** Reads the table; takes up the records in the order of use, in which they are kept. */
  async load(): Promise<void> {
    const rows: [string, BlobRecord][] = [];
    for await (const row of this.#table.iterator()) rows.push(row);
    rows.sort(([, a], [, b]) => a.used - b.used);
    for (const [key, record] of rows) this.#set(key as Digest, record);
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

  /** All blobs as eviction sees them; of those used in one millisecond the earlier comes first. */
  *candidates(): IterableIterator<EvictionCandidate> {
    for (const [digest, { size, used }] of this.#records) yield { digest, size, used };
  }

  /** Records a new blob; written a moment later. */
  add(digest: Digest, record: BlobRecord): void {
    this.#set(digest, record);
    this.#unwritten.add(digest);
    this.#writeSoon ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  /** Records a change of a blob; resolves when it is written. */
  async put(digest: Digest, record: BlobRecord): Promise<void> {
    this.#set(digest, record);
    await this.#write([digest]);
  }

  /** Forgets a blob, if it is recorded; resolves when that is written. */
  async delete(digest: Digest): Promise<void> {
    if (this.#forget(digest)) await this.#write([digest]);
  }

  /** Notes a use at `now`; written by the next {@link flush}, not at each use. */
  touch(digest: Digest, now: number): void {
    const record = this.#records.get(digest);
    if (record === undefined) return;
    this.#set(digest, { ...record, used: now });
    this.#unwritten.add(digest);
  }

  /** Writes what was recorded and noted since the last flush, and what could not be written before. */
  async flush(): Promise<void> {
    clearTimeout(this.#writeSoon);
    this.#writeSoon = undefined;
    await this.#write([...this.#unwritten]);
  }

  /** Sets it as the last one, so that the map is in the order of use within one millisecond too. */
  #set(digest: Digest, record: BlobRecord): void {
    this.#forget(digest);
    this.#records.set(digest, record);
    this.#bytes += record.size;
    this.#damaged += record.damaged ? 1 : 0;
  }

  /** Whether it was recorded. */
  #forget(digest: Digest): boolean {
    const record = this.#records.get(digest);
    if (record === undefined) return false;
    this.#bytes -= record.size;
    this.#damaged -= record.damaged ? 1 : 0;
    return this.#records.delete(digest);
  }

  /** Brings the table in line with what is recorded by then; one write at a time, lest an older one comes last. */
  async #write(digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) this.#unwritten.add(digest);
    await this.#writes.run(async () => {
      const due = digests.filter((digest) => this.#unwritten.delete(digest));
      if (due.length === 0) return;
      try {
        await this.#table.batch(due.map((digest) => this.#operation(digest)));
        this.#fault = undefined;
      } catch (error) {
        for (const digest of due) this.#unwritten.add(digest);
        this.#complain(error);
      }
    });
  }

  #operation(key: Digest): TableOperation<BlobRecord> {
    const value = this.#records.get(key);
    return value === undefined ? { type: "del", key } : { type: "put", key, value };
  }

  #complain(error: unknown): void {
    const fault = messageOf(error);
    if (fault !== this.#fault) this.#log.warn(`cannot write blob records (${fault}); it is tried again`);
    this.#fault = fault;
  }
}
