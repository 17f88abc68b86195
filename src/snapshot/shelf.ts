import type { BlobStore } from "../core/blob-store.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import { SNAPSHOT_PARTS, type SnapshotAnnouncement, type SnapshotFile } from "../core/snapshots.ts";
import { unitName, type SnapshotFileName } from "./name.ts";
import { openUnitFile } from "./unit-file.ts";
import type { UnitPaths, VerifiedUnit } from "./verify.ts";

/** The sublevel of the database that is the shelf's, and the format of its records. Keys are dates. */
const SUBLEVEL = ["snapshots", "1"];

/** Bytes that are taken in at once. */
const READ_BYTES = 256 * 1024;

/** What the shelf uses of the blob store: it also takes out what is not kept any more. */
export interface ShelfStore extends Pick<BlobStore, "find" | "open" | "ingest" | "on" | "off"> {
  remove(digest: Digest): Promise<unknown>;
  /** Makes room for so many bytes that are about to be staged. @throws {DistswarmError} `STORE_FULL`, `STORE_UNUSABLE`. */
  makeRoom(size: number): Promise<void>;
}

/** A verified unit whose three files are in the blob store. */
export interface ShelvedUnit extends VerifiedUnit {
  /** The content of the keyring by which it was verified. */
  readonly stamp: string;
}

/** What the shelf uses, and whom it tells. */
interface ShelfComponents {
  readonly store: ShelfStore;
  readonly db: Database;
  readonly log: Logger;
  /** Told when a unit came or went. */
  readonly changed: () => void;
}

/**
 * The newest verified units, as blobs and one record each. The record is written *before* the blobs and a unit counts
 * only with all three of them: whatever is cut short, no blob is left in the store that no record accounts for.
 */
export class Shelf {
  readonly #components: ShelfComponents;
  readonly #keep: number;
  readonly #table: ReturnType<typeof openTable>;
  readonly #units = new Map<string, ShelvedUnit>();
  /** On its way onto the shelf. */
  #coming: ShelvedUnit | undefined;
  /** One change at a time: what is being taken out must not be what is just coming in. */
  readonly #changes = new OneByOne();
  readonly #onRemoved = (digest: Digest): void => this.#blobRemoved(digest);

  constructor(components: ShelfComponents, init: { keep: number }) {
    this.#components = components;
    this.#keep = init.keep;
    this.#table = openTable(components.db);
  }

  /** Reads the records and sweeps what the last run left half done. The store must have been started. */
  async start(): Promise<void> {
    for (const [date, unit] of await this.#table.iterator().all()) {
      if (await this.#isComplete(unit)) this.#units.set(date, unit);
      else await this.#takeOut(unit);
    }
    this.#components.store.on("removed", this.#onRemoved);
    await this.#trim();
  }

  async stop(): Promise<void> {
    await this.#changes.idle();
    this.#components.store.off("removed", this.#onRemoved);
    this.#units.clear();
  }

  /** The units, newest first. */
  units(): ShelvedUnit[] {
    return [...this.#units.values()].sort((a, b) => (a.date < b.date ? 1 : -1));
  }

  has(date: string): boolean {
    return this.#units.has(date);
  }

  /** One file of a kept unit. */
  find({ date, part }: SnapshotFileName): SnapshotFile | undefined {
    return this.#units.get(date)?.files[part];
  }

  /** Whether a unit of that date would be among the newest that are kept. */
  hasRoomFor(date: string): boolean {
    const last = this.units()[this.#keep - 1];
    return last === undefined || date > last.date;
  }

  /** Whether a blob belongs to a unit: then the store must not evict it. */
  protects(digest: Digest): boolean {
    const coming = this.#coming === undefined ? [] : [this.#coming];
    return [...this.#units.values(), ...coming].some((unit) => holds(unit, digest));
  }

  /**
   * Takes a verified unit in, and the oldest beyond the kept number out. Nothing of it is found before all of it is
   * durable.
   *
   * @throws {DistswarmError} what the store throws; nothing of the unit is left then. `DIGEST_MISMATCH` when a file
   * changed after it was verified.
   */
  put(unit: ShelvedUnit, paths: UnitPaths): Promise<void> {
    return this.#changes.run(() => this.#put(unit, paths));
  }

  /** Notes that a unit was verified again, by another keyring. */
  confirm(date: string, stamp: string): Promise<void> {
    return this.#changes.run(async () => {
      const unit = this.#units.get(date);
      if (unit === undefined) return;
      this.#units.set(date, { ...unit, stamp });
      await this.#write({ ...unit, stamp });
    });
  }

  /** Takes a unit off the shelf. */
  drop(date: string): Promise<void> {
    return this.#changes.run(() => this.#drop(date));
  }

  async #put(unit: ShelvedUnit, paths: UnitPaths): Promise<void> {
    if (this.has(unit.date) || !this.hasRoomFor(unit.date)) return;
    this.#coming = unit;
    try {
      await this.#write(unit);
      for (const part of SNAPSHOT_PARTS) await this.#ingest(unit.files[part], paths[part]);
      this.#units.set(unit.date, unit);
    } catch (error) {
      this.#coming = undefined;
      await this.#takeOut(unit);
      throw error;
    } finally {
      this.#coming = undefined;
    }
    await this.#trim();
    this.#components.changed();
  }

  async #drop(date: string): Promise<void> {
    const unit = this.#units.get(date);
    if (unit === undefined) return;
    this.#units.delete(date);
    await this.#takeOut(unit);
    this.#components.changed();
  }

  async #trim(): Promise<void> {
    for (const { date } of this.units().slice(this.#keep)) await this.#drop(date);
  }

  async #isComplete(unit: ShelvedUnit): Promise<boolean> {
    const found = await Promise.all(SNAPSHOT_PARTS.map((part) => this.#components.store.find(unit.files[part].digest)));
    return SNAPSHOT_PARTS.every((part, at) => found[at]?.size === unit.files[part].size);
  }

  /** On the disk before it returns: the blobs that follow are fsynced, too. */
  async #write(unit: ShelvedUnit): Promise<void> {
    const put = { type: "put", sublevel: this.#table, key: unit.date, value: unit } as const;
    await this.#components.db.batch([put], { sync: true });
  }

  async #ingest(file: SnapshotFile, path: string): Promise<void> {
    if ((await this.#components.store.find(file.digest)) !== undefined) return;
    const ingest = await this.#components.store.ingest(file);
    try {
      const staged = await openUnitFile(path);
      const rest = staged.createReadStream({ start: ingest.received, highWaterMark: READ_BYTES });
      for await (const chunk of rest) await ingest.write(chunk as Buffer);
      await ingest.commit();
    } finally {
      await ingest.close({ keep: false });
    }
  }

  /** The blobs first: cut short, the record still tells the next start what to take out. */
  async #takeOut(unit: ShelvedUnit): Promise<void> {
    for (const part of SNAPSHOT_PARTS) {
      const { digest } = unit.files[part];
      if (!this.protects(digest)) await this.#components.store.remove(digest);
    }
    await this.#table.del(unit.date);
  }

  #blobRemoved(digest: Digest): void {
    for (const unit of this.units().filter((unit) => holds(unit, digest))) {
      const { log } = this.#components;
      log.warn(`${unitName(unit.date)}: a file of it left the store; it is not kept any more`);
      this.drop(unit.date).catch((error: unknown) => log.error({ err: error }, `cannot drop ${unitName(unit.date)}`));
    }
  }
}

/** A unit as it is told to peers. */
export function announcementOf({ date, files }: VerifiedUnit): SnapshotAnnouncement {
  return { name: unitName(date), files };
}

function holds(unit: ShelvedUnit, digest: Digest): boolean {
  return SNAPSHOT_PARTS.some((part) => unit.files[part].digest === digest);
}

function openTable(db: Database) {
  return db.sublevel<string, ShelvedUnit>(SUBLEVEL, { valueEncoding: "json" });
}
