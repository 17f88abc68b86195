import { EventEmitter } from "node:events";
import type { Stats } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BlobInfo, IngestedBlob, OpenBlob, StoreEvents } from "../core/blob-store.ts";
import { type Digest, isDigest } from "../core/digest.ts";
import { isGone, messageOf, systemCode } from "../core/errors.ts";
import type { Distfile } from "../core/distfile.ts";
import type { DistfileNames } from "../core/distfile-index.ts";
import { watchRemedy } from "../core/fs/inotify.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { mayResume } from "./begun-download.ts";
import { OpenFile } from "./open-file.ts";
import { downloadName, identityOf, isSameFile, mayBeDistfile } from "./distdir-names.ts";
import { DistdirRecords, type DistdirRecord } from "./distdir-records.ts";
import { hashUnchanged, HashQueue } from "./hash-queue.ts";
import { statOf } from "./inventory.ts";
import { LoadTurns } from "./load-turns.ts";
import { NameHints } from "./name-hints.ts";
import { StoredBlob } from "./stored-blob.ts";
import type { Table } from "./table-writer.ts";

/** How long a symlink in DISTDIR keeps its blob from eviction, in milliseconds from the link's making: 24 h. */
const LINK_PROTECTS_MS = 24 * 3_600_000;

const NOT_SHARED = "what Portage fetches by itself is not shared";

/** What the distdir uses. */
interface DistdirComponents {
  readonly table: Table<DistdirRecord>;
  readonly log: Logger;
  readonly index: DistfileNames;
}

/**
 * DISTDIR, served where it lies. A file whose name and size some Manifest names is hashed once; where a Manifest names
 * its digest too, it is shared until its inode, size or mtime changes. Else it waits for a Manifest that does. Nothing in
 * DISTDIR is ever written.
 */
export class Distdir extends EventEmitter<StoreEvents> implements Startable {
  readonly #dir: string;
  readonly #log: Logger;
  readonly #index: DistfileNames;
  readonly #records: DistdirRecords;
  readonly #hashing: HashQueue;
  readonly #turns = new LoadTurns();
  readonly #hints: NameHints;
  readonly #links = new Map<string, { digest: Digest; until: number }>();
  #scanning = Promise.resolve();
  #stopped = true;
  readonly #complained = new Set<string>();

  constructor(components: DistdirComponents, init: { dir: string }) {
    super();
    this.#dir = init.dir;
    this.#log = components.log;
    this.#index = components.index;
    this.#records = new DistdirRecords(components, init);
    this.#hashing = new HashQueue({ hash: (name, signal) => this.#hash(name, signal) });
    this.#hints = new NameHints({
      changed: (names) => names.forEach((name) => void this.#inspect(name)),
      missed: () => void this.rescan(),
      failed: (error) => this.#complainOfWatch(error),
    });
  }

  /** Takes up the records of the last run whose files are unchanged; the rest of DISTDIR is scanned behind. */
  async start(): Promise<void> {
    if (!this.#stopped) return;
    this.#stopped = false;
    await this.#hashing.start();
    await this.#records.load();
    await Promise.all(this.#records.names().map((name) => this.#inspect(name)));
    void this.rescan();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#scanning;
    this.#hints.close();
    await this.#hashing.stop();
    await this.#records.flush();
  }

  /** Writes what could not be written before. */
  async flush(): Promise<void> {
    await this.#records.flush();
  }

  get blobs(): number {
    return this.#records.blobs;
  }

  get bytes(): number {
    return this.#records.bytes;
  }

  has(digest: Digest): boolean {
    return this.#records.has(digest);
  }

  /** Of all files that are shared, each once. */
  digests(): IterableIterator<Digest> {
    return this.#records.digests();
  }

  find(digest: Digest): BlobInfo | undefined {
    const name = this.#records.namesOf(digest)[0];
    return name === undefined ? undefined : this.#info(name, this.#records.get(name)!);
  }

  /** Opens a file that has this digest and is unchanged since it was hashed; one that changed is hashed again. */
  async open(digest: Digest): Promise<OpenBlob | undefined> {
    for (const name of this.#records.namesOf(digest)) {
      const blob = this.#openFile(name);
      if (blob !== undefined) return blob;
    }
    return undefined;
  }

  /** Where Portage may have begun to download a blob; see {@link mayResume}. */
  begunDownloads({ size, names = [] }: IngestedBlob): string[] {
    return names.map((name) => join(this.#dir, downloadName(name))).filter((path) => mayResume(path, size));
  }

  *list(): IterableIterator<BlobInfo> {
    for (const digest of this.digests()) yield this.find(digest)!;
  }

  /** Blobs of the store that symlinks in DISTDIR protect at `now`. */
  protectedBlobs(now: number): Set<Digest> {
    const fresh = [...this.#links.values()].filter(({ until }) => until > now);
    return new Set(fresh.map(({ digest }) => digest));
  }

  /** Every file that is shared; several may have one digest. */
  *files(): IterableIterator<BlobInfo> {
    for (const digest of this.digests()) {
      for (const name of this.#records.namesOf(digest)) yield this.#info(name, this.#records.get(name)!);
    }
  }

  /**
   * Looks through DISTDIR again: after the index changed, names may be known that were not. Resolves when all names
   * were looked at; hashing goes on behind.
   */
  rescan(): Promise<void> {
    this.#scanning = this.#scanning.then(() => this.#scan());
    return this.#scanning;
  }

  /** Stops sharing the files that have a digest, which turned out damaged, until they are hashed again. */
  async drop(digest: Digest, what: string): Promise<void> {
    for (const name of this.#records.namesOf(digest)) {
      this.#log.warn(`${join(this.#dir, name)}: ${what}; it is not shared until it is hashed again`);
      this.#forget(name);
      this.#hints.hint(name);
    }
  }

  async #scan(): Promise<void> {
    if (this.#stopped) return;
    await this.#hints.watch(this.#dir); // before the look, so that nothing is missed between them
    const names = await readdir(this.#dir).catch((error: unknown) => this.#complain("read", error));
    for (const name of new Set([...names, ...this.#records.names(), ...this.#links.keys()])) {
      if (this.#stopped) return;
      await this.#inspect(name);
    }
  }

  /** Brings what we know of one name in line with what is there. */
  async #inspect(name: string): Promise<void> {
    if (this.#stopped || !mayBeDistfile(name)) return;
    try {
      const stat = await statOf(join(this.#dir, name));
      await this.#note(name, stat);
    } catch (error) {
      this.#complain("look at files in", error);
    }
  }

  async #note(name: string, stat: Stats | undefined): Promise<void> {
    const record = this.#records.get(name);
    if (record !== undefined && stat?.isFile() && isSameFile(record, identityOf(stat))) {
      return this.#share(name, record);
    }
    this.#forget(name);
    this.#links.delete(name);
    if (stat?.isSymbolicLink()) await this.#noteLink(name, stat);
    if (stat?.isFile() && (await this.#isNamed(name, { size: stat.size }))) this.#hashing.push(name);
  }

  async #noteLink(name: string, stat: Stats): Promise<void> {
    const target = await readlink(join(this.#dir, name)).catch(() => ""); // no link any more: the watch tells
    const digest = basename(target);
    if (isDigest(digest)) this.#links.set(name, { digest, until: stat.mtimeMs + LINK_PROTECTS_MS });
  }

  /** Whether a Manifest names a file of this size, and of this digest where that is known. */
  async #isNamed(name: string, { size, digest }: Partial<Distfile>): Promise<boolean> {
    const distfiles = await this.#index.byName(name);
    return distfiles.some((distfile) => distfile.size === size && distfile.digest === (digest ?? distfile.digest));
  }

  /** Shares a hashed file from when a Manifest names its digest. */
  async #share(name: string, record: DistdirRecord): Promise<void> {
    if (record.named || !(await this.#isNamed(name, record))) return;
    if (this.#records.put(name, { ...record, named: true })) this.emit("added", this.#info(name, record));
  }

  async #hash(name: string, signal: AbortSignal): Promise<void> {
    const path = join(this.#dir, name);
    try {
      const hashed = await hashUnchanged(path, signal);
      if (hashed === undefined) return this.#hints.hint(name);
      const record = { ...hashed, named: false };
      this.#records.put(name, record); // before the look-up, for a rescan after it to find
      await this.#share(name, record);
      if (this.#records.get(name)?.named === false) {
        this.#log.warn(`${path} has the size but not the digest that the Manifests name; it is not shared`);
      }
    } catch (error) {
      if (!signal.aborted && !isGone(error)) this.#complain("hash files in", error);
    }
  }

  #openFile(name: string): OpenBlob | undefined {
    const record = this.#records.get(name);
    if (record === undefined) return undefined;
    const info = this.#info(name, record);
    const file = openOrNothing(info.path);
    if (file !== undefined && isSameFile(record, identityOf(file.stat()))) {
      const damaged = (what: string) => this.drop(record.digest, what);
      return new StoredBlob({ file, turns: this.#turns, damaged }, { ...info, sums: record.sums });
    }
    file?.close();
    this.#forget(name);
    this.#hints.hint(name);
    return undefined;
  }

  #forget(name: string): void {
    const digest = this.#records.delete(name);
    if (digest !== undefined) this.emit("removed", digest);
  }

  #info(name: string, { digest, size }: DistdirRecord): BlobInfo {
    return { digest, size, where: "distdir", path: join(this.#dir, name) };
  }

  #complainOfWatch(error: unknown): void {
    const lost = "what Portage fetches by itself is shared half a minute later";
    this.#complain("watch", error, { lost, remedy: watchRemedy(error) });
  }

  /** One plain line for each thing that cannot be done here, not one for each file. */
  #complain(what: string, error: unknown, { lost = NOT_SHARED, remedy = remedyFor(error) } = {}): never[] {
    if (!this.#complained.has(what)) {
      const reason = messageOf(error);
      this.#log.warn(`cannot ${what} DISTDIR ${this.#dir} (${reason}): ${lost}${remedy && `; ${remedy}`}`);
    }
    this.#complained.add(what);
    return [];
  }
}

function remedyFor(error: unknown): string {
  return systemCode(error) === "EACCES" ? "add the user that distswarm runs as to the group portage" : "";
}

function openOrNothing(path: string): OpenFile | undefined {
  try {
    return OpenFile.open(path, "read");
  } catch {
    return undefined;
  }
}
