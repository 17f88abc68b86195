import { basename, dirname, join } from "node:path";
import type { Digest } from "../core/digest.ts";
import type { Logger } from "../core/logger.ts";
import type { ChunkSums } from "./chunk-sums.ts";
import type { FileIdentity } from "./distdir-names.ts";
import { type Table, TableWriter } from "./table-writer.ts";

/** What hashing a file showed, and which file it was. */
export interface HashedFile extends FileIdentity {
  readonly digest: Digest;
  readonly sums: ChunkSums;
}

/** What is recorded of one hashed file in DISTDIR; the key of its row is its path. */
export interface DistdirRecord extends HashedFile {
  /** Whether a Manifest named this digest under the file's name: such a file is a blob. It stays one until it changes. */
  readonly named: boolean;
}

/**
 * The records of the files hashed in one DISTDIR, all in memory: by name, and those that are blobs by digest too. Changes
 * count on the spot, so that who makes one tells of it in the same moment, and are written behind to a table.
 */
export class DistdirRecords {
  readonly #table: Table<DistdirRecord>;
  readonly #writer: TableWriter<string, DistdirRecord>;
  readonly #dir: string;
  readonly #byName = new Map<string, DistdirRecord>();
  readonly #names = new Map<Digest, Set<string>>();
  #bytes = 0;

  constructor(components: { table: Table<DistdirRecord>; log: Logger }, init: { dir: string }) {
    const { table, log } = components;
    this.#table = table;
    this.#writer = new TableWriter(
      { table, row: (path) => this.get(basename(path)), log },
      { rows: "DISTDIR records" },
    );
    this.#dir = init.dir;
  }

  /** Distinct blobs. */
  get blobs(): number {
    return this.#names.size;
  }

  /** Bytes of all files that are blobs. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads the rows of this DISTDIR; those of another one wait for its return. */
  async load(): Promise<void> {
    for await (const [path, record] of this.#table.iterator()) {
      if (dirname(path) === this.#dir) this.#add(basename(path), record);
    }
  }

  get(name: string): DistdirRecord | undefined {
    return this.#byName.get(name);
  }

  /** Names of all hashed files. */
  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** Names of the files that are this blob; empty when none is. */
  namesOf(digest: Digest): string[] {
    return [...(this.#names.get(digest) ?? [])];
  }

  has(digest: Digest): boolean {
    return this.#names.has(digest);
  }

  digests(): IterableIterator<Digest> {
    return this.#names.keys();
  }

  /** Records a file; true when a blob is new here by it. */
  put(name: string, record: DistdirRecord): boolean {
    const isNew = record.named && !this.has(record.digest);
    this.#add(name, record);
    this.#write(name);
    return isNew;
  }

  /** Forgets a file; its digest when that was the last file which was this blob. */
  delete(name: string): Digest | undefined {
    const record = this.#byName.get(name);
    if (record === undefined) return undefined;
    const isLast = this.#remove(name, record);
    this.#write(name);
    return isLast ? record.digest : undefined;
  }

  /** Writes what could not be written before. Resolves when all changes so far are written, or could not be. */
  flush(): Promise<void> {
    return this.#writer.write();
  }

  #add(name: string, record: DistdirRecord): void {
    const before = this.#byName.get(name);
    if (before !== undefined) this.#remove(name, before);
    this.#byName.set(name, record);
    if (!record.named) return;
    this.#bytes += record.size;
    const names = this.#names.get(record.digest) ?? new Set();
    this.#names.set(record.digest, names.add(name));
  }

  #remove(name: string, record: DistdirRecord): boolean {
    this.#byName.delete(name);
    if (!record.named) return false;
    this.#bytes -= record.size;
    const names = this.#names.get(record.digest)!;
    names.delete(name);
    return names.size === 0 && this.#names.delete(record.digest);
  }

  #write(name: string): void {
    this.#writer.note(join(this.#dir, name));
    void this.#writer.write();
  }
}
