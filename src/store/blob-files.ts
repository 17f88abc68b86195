import { EventEmitter } from "node:events";
import { existsSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { BlobInfo, OpenBlob, StoreEvents } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import { isGone, messageOf, systemCode } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { count } from "../core/text/words.ts";
import { Locks } from "./locks.ts";
import { OpenFile } from "./open-file.ts";
import type { ChunkSums } from "./chunk-sums.ts";
import { ChunkDamage, hashFile } from "./file-chunks.ts";
import { type FoundBlob, type Inventory, statOf, takeInventory } from "./inventory.ts";
import type { StorePaths } from "./layout.ts";
import { LoadTurns } from "./load-turns.ts";
import { Pins } from "./pins.ts";
import type { BlobRecord, BlobRecords } from "./records.ts";
import { StoredBlob } from "./stored-blob.ts";

/** What the blob files use. */
interface BlobFilesComponents {
  readonly records: BlobRecords;
  readonly log: Logger;
}

/** A blob of which all is known. */
export interface SummedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly sums: ChunkSums;
}

/**
 * What came of taking a blob away. `gone`: it was not there any more; `renewed`: it was committed anew meanwhile, and that
 * one stays; `stuck`: its file cannot be removed, the log says why.
 */
export type Removal = "removed" | "gone" | "renewed" | "stuck";

/** The committed blobs in `blobs/` and their records, kept in step. */
export class BlobFiles extends EventEmitter<StoreEvents> {
  readonly #records: BlobRecords;
  readonly #log: Logger;
  readonly #paths: StorePaths;
  readonly #turns = new LoadTurns();
  readonly #pins = new Pins();
  readonly #checks = new Map<Digest, Promise<ChunkSums>>();
  /** Who puts the file of a blob in place, or takes it away: one at a time for each. */
  readonly #changes = new Locks<Digest>();

  constructor(components: BlobFilesComponents, init: { paths: StorePaths }) {
    super();
    this.#records = components.records;
    this.#log = components.log;
    this.#paths = init.paths;
  }

  /** Whether a blob can be opened, as far as the records tell. */
  has(digest: Digest): boolean {
    return this.#servable(digest) !== undefined;
  }

  find(digest: Digest): BlobInfo | undefined {
    const record = this.#servable(digest);
    return record && this.#info(digest, record.size);
  }

  *list(): IterableIterator<BlobInfo> {
    for (const [digest, record] of this.#records.entries()) {
      if (!record.damaged) yield this.#info(digest, record.size);
    }
  }

  /** Blobs that a fsck found damaged and left in place. */
  *damaged(): IterableIterator<BlobInfo> {
    for (const [digest, record] of this.#records.entries()) {
      if (record.damaged) yield this.#info(digest, record.size);
    }
  }

  /** Whether a blob is recorded, also one that was found damaged. */
  isRecorded(digest: Digest): boolean {
    return this.#records.has(digest);
  }

  /** Whether a blob is open for reading, or held. */
  isPinned(digest: Digest): boolean {
    return this.#pins.has(digest);
  }

  /** Keeps a blob from eviction until the returned function is called. */
  hold(digest: Digest): () => void {
    return this.#pins.hold(digest);
  }

  /**
   * Opens a blob; one without chunk sums (its record was lost) is held against its digest first. A blob that turns out
   * to be missing or damaged is dropped.
   */
  async open(digest: Digest): Promise<OpenBlob | undefined> {
    const record = this.#servable(digest);
    if (record === undefined) return undefined;
    const release = this.hold(digest);
    const file = await this.#openFile(digest);
    const sums = file && (await this.#trustedSums(digest, record, file));
    if (file === undefined || sums === undefined) {
      file?.close();
      release();
      return undefined;
    }
    this.#records.touch(digest, Date.now());
    const damaged = (what: string) => this.#dropRead(digest, file, what);
    return new StoredBlob(
      { file, turns: this.#turns, damaged, closed: release },
      { ...this.#info(digest, record.size), sums },
    );
  }

  /** Has `place` put a blob in place, records it, and announces it. */
  async add({ digest, size, sums }: SummedBlob, place: () => Promise<void>): Promise<void> {
    const release = await this.#changes.take(digest);
    try {
      await place();
      const now = Date.now();
      const isNew = !this.has(digest);
      this.#records.add(digest, { size, added: now, used: this.#records.timeOfUse(now), sums });
      if (isNew) this.emit("added", this.#info(digest, size));
    } finally {
      release();
    }
  }

  /**
   * Takes a sound blob away. Readers who have it open keep it. One that is stuck is served on, as if used just now: else it
   * would be the first to be evicted each time.
   */
  async remove(digest: Digest): Promise<Removal> {
    return this.#remove(digest, (record) => ({ ...record, used: this.#records.timeOfUse(Date.now()) }));
  }

  /** Takes a damaged blob away, and says so in the log. One that is stuck is served no more. */
  async drop(digest: Digest, what: string): Promise<void> {
    this.#log.warn({ digest }, `${this.#paths.blob(digest)}: ${what}; dropped`);
    await this.#remove(digest, (record) => ({ ...record, damaged: true }));
  }

  /** @param stuck what is recorded from then on of a blob whose file cannot be removed. */
  async #remove(digest: Digest, stuck: (record: BlobRecord) => BlobRecord): Promise<Removal> {
    const record = this.#records.get(digest);
    const wasServed = this.has(digest);
    const forgetting = this.#records.delete(digest); // counts at once, before anything is awaited
    if (wasServed) this.emit("removed", digest);
    const release = await this.#changes.take(digest);
    try {
      await forgetting;
      if (this.#records.has(digest)) return "renewed"; // the file is that one's
      await rm(this.#paths.blob(digest), { force: true });
      return record === undefined ? "gone" : "removed";
    } catch (error) {
      if (record !== undefined) this.#putBack(digest, stuck(record));
      const stays = this.has(digest) ? "it stays" : "it is not served any more";
      this.#log.warn(`cannot remove ${this.#paths.blob(digest)} (${messageOf(error)}); ${stays}`);
      return "stuck";
    } finally {
      release();
    }
  }

  #putBack(digest: Digest, record: BlobRecord): void {
    this.#records.add(digest, record);
    if (this.has(digest)) this.emit("added", this.#info(digest, record.size));
  }

  /** Leaves a damaged blob where it is, and never serves it again. */
  async mark(digest: Digest): Promise<void> {
    const record = this.#servable(digest);
    if (record === undefined) return;
    const written = this.#records.put(digest, { ...record, damaged: true });
    this.emit("removed", digest); // in the same moment, lest it comes after the event of a commit
    await written;
  }

  /** Records the chunk sums of a blob whose digest was found right; one that was marked is served again. */
  async confirm(digest: Digest, sums: ChunkSums): Promise<void> {
    const record = this.#records.get(digest);
    if (record === undefined || (record.sums === sums && !record.damaged)) return;
    const { size, added, used } = record;
    const written = this.#records.put(digest, { size, added, used, sums });
    if (record.damaged) this.emit("added", this.#info(digest, size));
    await written;
  }

  /**
   * Brings the records in line with the disk, without reading a blob: files without a record get one, records without a
   * file go, and so do files of a wrong size. Returns how many blobs had no file.
   */
  async reconcile(): Promise<number> {
    const { blobs } = await this.takeUp();
    const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
    let gone = 0;
    for (const [digest, record] of this.#records.entries()) {
      const size = sizes.get(digest);
      if (size === undefined) gone += Number(await this.#reconcileMissing(digest));
      else if (size !== record.size) await this.drop(digest, `is ${size} bytes long, not ${record.size}`);
    }
    // One line: after an eviction and a power cut, or for who emptied the directory, there is nothing wrong with each.
    if (gone > 0) this.#log.warn(`${count(gone, "blob")} no longer in ${this.#paths.blobs}; forgotten`);
    return gone;
  }

  /** Records the files that lie in place without a record, without sums; returns all that lies there. */
  async takeUp(): Promise<Inventory> {
    const inventory = await takeInventory(this.#paths);
    for (const blob of inventory.blobs) {
      if (this.#isUnrecorded(blob.digest)) this.#record(blob);
    }
    return inventory;
  }

  /**
   * Whether a file has no record, now: one that is being committed gets it, one that is being removed lost it, and may have
   * been seen before it went.
   */
  #isUnrecorded(digest: Digest): boolean {
    return !this.#records.has(digest) && !this.#changes.isTaken(digest) && existsSync(this.#paths.blob(digest));
  }

  #record({ digest, size, modified }: FoundBlob): void {
    this.#records.add(digest, { size, added: modified, used: modified });
    this.emit("added", this.#info(digest, size));
  }

  /** Forgets a blob whose file is not there, and says whether; one in a shard that cannot be looked into may be. */
  async #reconcileMissing(digest: Digest): Promise<boolean> {
    const stat = await statOf(this.#paths.blob(digest)).catch((error: unknown) => systemCode(error));
    if (stat === undefined) await this.remove(digest);
    return stat === undefined;
  }

  #servable(digest: Digest): BlobRecord | undefined {
    const record = this.#records.get(digest);
    return record?.damaged ? undefined : record;
  }

  #info(digest: Digest, size: number): BlobInfo {
    return { digest, size, where: "store", path: this.#paths.blob(digest) };
  }

  async #openFile(digest: Digest): Promise<OpenFile | undefined> {
    const path = this.#paths.blob(digest);
    try {
      return OpenFile.open(path, "read");
    } catch (error) {
      if (isGone(error)) await this.drop(digest, "is gone");
      else if (systemCode(error) === "EIO") await this.drop(digest, "cannot be opened (EIO)");
      else this.#log.warn(`cannot open ${path} (${messageOf(error)})`);
      return undefined;
    }
  }

  /** The sums by which a blob may be served, or nothing: then it was dropped. */
  async #trustedSums(digest: Digest, record: BlobRecord, file: OpenFile): Promise<ChunkSums | undefined> {
    if (record.sums !== undefined) return record.sums;
    const check = this.#checks.get(digest) ?? this.#check(digest, record.size, file);
    this.#checks.set(digest, check);
    try {
      return await check;
    } catch (error) {
      if (error instanceof ChunkDamage) await this.#dropRead(digest, file, error.message);
      else this.#log.warn(`cannot check ${this.#paths.blob(digest)} (${messageOf(error)})`);
      return undefined;
    } finally {
      this.#checks.delete(digest);
    }
  }

  async #check(digest: Digest, size: number, file: OpenFile): Promise<ChunkSums> {
    const hashed = await hashFile(file, size);
    if (hashed.digest !== digest) throw new ChunkDamage("differs from its digest");
    await this.confirm(digest, hashed.sums);
    return hashed.sums;
  }

  /** Drops a blob found damaged through `file`, unless another file has taken its place since. */
  async #dropRead(digest: Digest, file: OpenFile, what: string): Promise<void> {
    const { ino } = file.stat();
    if ((inodeAt(this.#paths.blob(digest)) ?? ino) === ino) await this.drop(digest, what);
  }
}

/** On the spot, so that nothing takes its place between the look and what follows from it. */
function inodeAt(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
