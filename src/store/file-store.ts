import { EventEmitter } from "node:events";
import type {
  BlobInfo,
  BlobStore,
  Ingest,
  IngestedBlob,
  OpenBlob,
  StoreEvents,
  StoreUsage,
} from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import type { DistfileNames } from "../core/distfile-index.ts";
import { type DistswarmError, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import type { StoreToolEvent } from "../core/report/store-tool-event.ts";
import { count } from "../core/text/words.ts";
import { Backlog } from "./backlog.ts";
import { adoptBegunDownload } from "./begun-download.ts";
import { BlobFiles, type SummedBlob } from "./blob-files.ts";
import { checkFormat, writeFault } from "./disk.ts";
import { Distdir } from "./distdir.ts";
import type { DistdirRecord } from "./distdir-records.ts";
import { HashThread } from "./hash-thread.ts";
import { FileIngest } from "./ingest.ts";
import { storePaths } from "./layout.ts";
import { Leftovers } from "./leftovers.ts";
import { Locks } from "./locks.ts";
import { type BlobRecord, BlobRecords } from "./records.ts";
import { Room } from "./room.ts";
import { StoreDirs } from "./store-dirs.ts";
import type { Table } from "./table-writer.ts";
import { Trouble } from "./trouble.ts";
import { collectGarbage } from "./tools/gc.ts";
import { fsck, type Refetch } from "./tools/fsck.ts";
import { importFiles } from "./tools/import.ts";

/** How often what was not written to the database is, such as times of use, and the directory looked at, in milliseconds. */
const FLUSH_INTERVAL_MS = 30_000;

/** What the store uses. */
export interface FileStoreComponents {
  /** Sublevel with JSON values. */
  readonly blobRecords: Table<BlobRecord>;
  /** Sublevel with JSON values. */
  readonly distdirRecords: Table<DistdirRecord>;
  readonly log: Logger;
  readonly index: DistfileNames;
  /** Whether somebody else vouches for a blob: then it is not evicted. @default none is */
  readonly isKept?: (digest: Digest) => boolean;
}

/** What may be set. */
export interface FileStoreInit {
  /** The store directory. */
  readonly dir: string;
  /** Most bytes that blobs may take. */
  readonly maxSize: number;
  /** Bytes to leave free on the file system. */
  readonly minFree: number;
  /** DISTDIR, served where it lies. @default none */
  readonly distdir?: string;
}

/** The blob store in format 1: verified blobs in a directory that is a Portage distdir, and DISTDIR beside it. */
export class FileStore extends EventEmitter<StoreEvents> implements BlobStore, Startable {
  readonly #log: Logger;
  readonly #index: DistfileNames;
  #init: FileStoreInit;
  readonly #dirs: StoreDirs;
  readonly #records: BlobRecords;
  readonly #blobs: BlobFiles;
  readonly #distdir: Distdir | undefined;
  readonly #room: Room;
  /** Ingests that there is room for, until they are committed or closed. */
  readonly #inFlight = new Map<Digest, FileIngest>();
  /** Who takes in a blob, and so has its partial: one at a time for each. */
  readonly #ingesting = new Locks<Digest>();
  readonly #backlog = new Backlog();
  readonly #leftovers: Leftovers;
  readonly #hashThread = new HashThread();
  readonly #trouble: Trouble;
  #flushTimer: NodeJS.Timeout | undefined;

  constructor(components: FileStoreComponents, init: FileStoreInit) {
    super();
    const { log, index } = components;
    this.#log = log;
    this.#trouble = new Trouble({ log });
    this.#index = index;
    this.#init = init;
    this.#dirs = new StoreDirs(storePaths(init.dir));
    const { paths } = this.#dirs;
    this.#records = new BlobRecords({ table: components.blobRecords, log });
    this.#blobs = new BlobFiles({ records: this.#records, log }, { paths });
    if (init.distdir !== undefined) {
      this.#distdir = new Distdir({ table: components.distdirRecords, log, index }, { dir: init.distdir });
    }
    this.#leftovers = new Leftovers({ ingesting: this.#ingesting }, { paths });
    this.#room = new Room(
      {
        records: this.#records,
        blobs: this.#blobs,
        distdir: this.#distdir,
        inFlight: this.#inFlight,
        leftovers: this.#leftovers,
        isKept: components.isKept ?? (() => false),
      },
      { ...init, dirs: this.#dirs },
    );
    this.#forwardEvents();
  }

  /**
   * Opens the store directory, made where it is missing; reads no blob. A directory that cannot be written now is a
   * problem in the usage, not an end: what is there is served.
   *
   * @throws {DistswarmError} `STORE_VERSION`, nothing touched; `STORE_UNUSABLE` when it cannot even be looked at.
   */
  async start(): Promise<void> {
    if (this.#flushTimer !== undefined) return;
    await checkFormat(this.#dirs.paths);
    await this.#dirs.prepare().catch((error: unknown) => this.#trouble.wrote(writeFault(error, this.#init.dir)));
    await this.#records.load();
    const gone = await this.#blobs.reconcile();
    if (this.#dirs.wereMissing && gone > 0) this.#trouble.lost(this.#init.dir, gone);
    const stale = await this.#leftovers.stale(Date.now()).catch(() => []); // a partial/ that cannot be written was told
    for (const leftover of stale) await this.#leftovers.remove(leftover).catch(() => {});
    await this.#distdir?.start();
    this.#flushTimer = setInterval(() => void Promise.all([this.#flush(), this.look()]), FLUSH_INTERVAL_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#flushTimer);
    this.#flushTimer = undefined;
    await this.#distdir?.stop();
    await this.#hashThread.stop();
    await this.#flush();
  }

  async find(digest: Digest): Promise<BlobInfo | undefined> {
    return this.#blobs.find(digest) ?? this.#distdir?.find(digest);
  }

  async open(digest: Digest): Promise<OpenBlob | undefined> {
    return (await this.#blobs.open(digest)) ?? (await this.#distdir?.open(digest));
  }

  isIngesting(digest: Digest): boolean {
    return this.#ingesting.isTaken(digest);
  }

  async ingest(blob: IngestedBlob, { signal }: { signal?: AbortSignal } = {}): Promise<Ingest> {
    this.#room.checkSize(blob.size);
    const release = await this.#ingesting.take(blob.digest, signal); // from the call on it is being taken in
    const opening = this.#backlog.hasPlace(signal).then(() => this.#openIngest(blob, release));
    const ingest = await opening.catch((error: unknown) => {
      release();
      throw error;
    });
    try {
      await this.#room.makeFor(ingest, () => this.#inFlight.set(blob.digest, ingest));
      return ingest;
    } catch (error) {
      this.#trouble.wrote(error as DistswarmError);
      await ingest.close({ keep: true });
      throw error;
    }
  }

  /**
   * Makes room for a blob that is about to be staged beside the store.
   *
   * @throws {DistswarmError} `STORE_FULL`, `STORE_UNUSABLE`; nothing was evicted then.
   */
  async makeRoom(size: number): Promise<void> {
    this.#room.checkSize(size);
    await this.#room.makeFor({ size, received: 0 });
  }

  /** Takes a blob out of the store; a copy in DISTDIR stays. Readers who have it open keep it. Safe when it is not here. */
  async remove(digest: Digest): Promise<void> {
    await this.#blobs.remove(digest);
  }

  async *list(): AsyncGenerator<BlobInfo> {
    yield* this.#blobs.list();
    for (const info of this.#distdir?.list() ?? []) {
      if (!this.#blobs.has(info.digest)) yield info;
    }
  }

  usage(): StoreUsage {
    return {
      blobs: this.#records.count,
      bytes: this.#records.bytes,
      maxBytes: this.#init.maxSize,
      distdirBlobs: this.#distdir?.blobs ?? 0,
      distdirBytes: this.#distdir?.bytes ?? 0,
      ...(this.#trouble.problem !== undefined && { problem: this.#trouble.problem }),
    };
  }

  /** What an administrator should know or mend, each one plain line. */
  warnings(): readonly string[] {
    const { damaged, problem } = this.#records;
    const mend = "distswarm fsck --repair fetches anew what fsck found damaged";
    return [
      ...[...this.#trouble.warnings(), problem ?? []].flat(),
      ...(damaged === 0 ? [] : [`${count(damaged, "blob")} served no more: ${mend}`]),
    ];
  }

  /** From now on these limits hold, in bytes; what is above them is evicted, beginning now. */
  limit(limits: Pick<FileStoreInit, "maxSize" | "minFree">): void {
    this.#init = { ...this.#init, ...limits };
    this.#room.limit(limits);
    void this.#keepLimits();
  }

  /**
   * Looks whether the store's directory is still the one that it was: somebody may have emptied it, or put away the disk
   * that it is on. Never throws.
   */
  async look(): Promise<void> {
    const look = await this.#dirs.look().catch(() => "same"); // whoever reads or writes there meets it, too
    this.#trouble.looked(this.#dirs.awayFault(), look === "away");
    if (look !== "emptied") return;
    await this.#dirs.settle();
    await this.#blobs.reconcile().catch(() => {});
  }

  /** Looks through DISTDIR again, after the index changed; see {@link Distdir.rescan}. */
  async rescan(): Promise<void> {
    await this.#distdir?.rescan();
  }

  /** Adopts the distfiles in `dir` by copy; see {@link importFiles}. */
  import(dir: string, signal: AbortSignal): AsyncGenerator<StoreToolEvent> {
    return importFiles({ store: this, index: this.#index }, dir, signal);
  }

  /** Re-hashes everything; see {@link fsck}. */
  fsck(options: { repair: boolean; refetch: Refetch }, signal: AbortSignal): AsyncGenerator<StoreToolEvent> {
    return fsck({ blobs: this.#blobs, distdir: this.#distdir, refetch: options.refetch }, options, signal);
  }

  /** Evicts what is over the limits; see {@link collectGarbage}. */
  gc(options: { dryRun: boolean }, signal: AbortSignal): AsyncGenerator<StoreToolEvent> {
    const plan = async () => (await this.#room.plan()).victims;
    const isInFlight = (digest: Digest) => this.isIngesting(digest);
    const components = { blobs: this.#blobs, paths: this.#dirs.paths, plan, leftovers: this.#leftovers, isInFlight };
    return collectGarbage(components, options, signal);
  }

  /** A blob that both hold is added once, and removed when neither holds it. */
  #forwardEvents(): void {
    const { blobs, distdir } = { blobs: this.#blobs, distdir: this.#distdir };
    blobs.on("added", (info) => distdir?.has(info.digest) || this.emit("added", info));
    blobs.on("removed", (digest) => distdir?.has(digest) || this.emit("removed", digest));
    distdir?.on("added", (info) => blobs.has(info.digest) || this.emit("added", info));
    distdir?.on("removed", (digest) => blobs.has(digest) || this.emit("removed", digest));
  }

  async #openIngest(blob: IngestedBlob, release: () => void): Promise<FileIngest> {
    const adoption = { distdir: this.#distdir, room: this.#room };
    await adoptBegunDownload(adoption, blob, this.#dirs.paths.partial(blob.digest));
    return FileIngest.open(
      {
        dirs: this.#dirs,
        hashThread: this.#hashThread,
        commit: (sums, place) => this.#backlog.during(() => this.#commit({ ...blob, sums }, place)),
        wrote: (fault) => this.#trouble.wrote(fault),
        released: () => {
          this.#inFlight.delete(blob.digest);
          release();
        },
      },
      blob,
    );
  }

  async #flush(): Promise<void> {
    await Promise.all([this.#records.flush(), this.#distdir?.flush()]);
  }

  async #commit(blob: SummedBlob, place: () => Promise<void>): Promise<void> {
    await this.#blobs.add(blob, async () => {
      await place();
      this.#inFlight.delete(blob.digest); // from now on its record counts
    });
    await this.#keepLimits();
  }

  async #keepLimits(): Promise<void> {
    await this.#room
      .make()
      .catch((error: unknown) => this.#log.debug(`the limits are not kept now: ${messageOf(error)}`));
  }
}
