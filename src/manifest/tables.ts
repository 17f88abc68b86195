import { isDatabaseDamage, type Database } from "../core/database.ts";
import { DIGEST_HEX_LENGTH, parseDigest, type Digest } from "../core/digest.ts";
import { DistswarmError, hasCode, messageOf, systemCode } from "../core/errors.ts";
import type { DistLine } from "./parse.ts";
import {
  DamagedRecord,
  INDEX_FORMAT,
  digestKey,
  keysUnder,
  nameKey,
  parseJson,
  readDigestRecord,
  readLine,
  readManifestRecord,
  readNameRecord,
  undigestedKeys,
  type ManifestRecord,
  type Reference,
} from "./records.ts";

/** The sublevel of the database that is the index's. */
const SUBLEVEL = "manifest";

/** Sorts after every hex character. */
const AFTER_HEX = "g";

const STATE_KEY = "state";

/** What is kept about the index as a whole. */
interface State {
  readonly format: number;
  /** Whether a scan has ever been written to its end. */
  readonly complete: boolean;
  /** Distinct distfiles when last counted, and whether nothing was written since. */
  readonly distfiles: number;
  readonly counted: boolean;
}

/** No format: an index that is being taken apart. */
const NO_FORMAT = 0;

const EMPTY: State = { format: INDEX_FORMAT, complete: false, distfiles: 0, counted: false };

/** One Manifest's part of a refresh: all of it is written, or nothing. */
export interface ManifestChange {
  readonly dir: string;
  /** Its lines from now on, as {@link writeLine} writes them; those among them that are new, and those no longer there. */
  readonly lines: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Undefined: the Manifest is gone. */
  readonly record: ManifestRecord | undefined;
}

type Table = ReturnType<typeof openTable>;
type Operation =
  | { type: "put"; sublevel: Table; key: string; value: string }
  | { type: "del"; sublevel: Table; key: string };

function openTable(db: Database, name: string) {
  return db.sublevel([SUBLEVEL, name], { valueEncoding: "utf8" });
}

/**
 * Whether `error` says that the files of the database are damaged, not just what we wrote into it. leveldb then takes no
 * writes any more. A failed read is such damage; a write may fail for lack of room.
 */
export function isCorruption(error: unknown): boolean {
  if (hasCode(error, "STORE_UNUSABLE")) return systemCode(error.cause) === "LEVEL_CORRUPTION";
  return isDatabaseDamage(error);
}

function readState(text: string): State {
  const state = parseJson(text) as State | null;
  if (state?.format !== INDEX_FORMAT) throw new DamagedRecord(text);
  return state;
}

/** Tells failed writes from failed reads. */
async function written(operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch (error) {
    throw new DistswarmError("STORE_UNUSABLE", `cannot write the database: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The index as it lies in level; `records.ts` has the layout. Reads may throw {@link DamagedRecord}, writes
 * `STORE_UNUSABLE`.
 */
export class Tables {
  readonly #db: Database;
  readonly #states: Table;
  readonly #names: Table;
  readonly #digests: Table;
  readonly #lines: Table;
  readonly #manifests: Table;
  #state = EMPTY;

  constructor(db: Database) {
    this.#db = db;
    this.#states = openTable(db, "state");
    this.#names = openTable(db, "names");
    this.#digests = openTable(db, "digests");
    this.#lines = openTable(db, "lines");
    this.#manifests = openTable(db, "manifests");
  }

  /** Whether a scan has ever been written to its end. */
  get complete(): boolean {
    return this.#state.complete;
  }

  /** Whether the last scan was, so that {@link distfiles} is right. */
  get finished(): boolean {
    return this.#state.counted;
  }

  /** Distinct distfiles, as counted by {@link finish}. */
  get distfiles(): number {
    return this.#state.distfiles;
  }

  /**
   * Finds the index of the last run; tells what it knew of each Manifest, by directory.
   *
   * @throws {DamagedRecord} also when it has another format.
   */
  async load(): Promise<Map<string, ManifestRecord>> {
    const text = await this.#states.get(STATE_KEY);
    if (text !== undefined) this.#state = readState(text);
    const records = new Map<string, ManifestRecord>();
    for await (const [dir, record] of this.#manifests.iterator()) records.set(dir, readManifestRecord(record));
    return records;
  }

  /** Begins an empty index. A crash leaves one that {@link load} refuses: the state, as the last of all keys, goes last. */
  async reset(): Promise<void> {
    await this.#save({ ...EMPTY, format: NO_FORMAT });
    await written(this.#db.sublevel(SUBLEVEL, {}).clear());
    this.#state = EMPTY;
  }

  /** Writes changes in one batch: after a crash all of it is there, or nothing. */
  async write(changes: readonly ManifestChange[]): Promise<void> {
    await this.#save(
      { ...this.#state, counted: false },
      changes.flatMap((change) => this.#operations(change)),
    );
  }

  /** Notes that a scan was written to its end, and counts. */
  async finish(): Promise<void> {
    await this.#save({ ...this.#state, complete: true, distfiles: await this.#countDistfiles(), counted: true });
  }

  /** The lines of the Manifest in `dir`, as they were written; empty when there is none. */
  async lines(dir: string): Promise<string[]> {
    const text = await this.#lines.get(dir);
    return text ? text.split("\n") : [];
  }

  /** All lines with this name, by digest. */
  async byName(name: string): Promise<Reference[]> {
    const records = await this.#names.iterator(keysUnder(name)).all();
    return records.map(([key, value]) => readNameRecord(key, value));
  }

  /** All lines with this digest, by name. */
  async byDigest(digest: Digest): Promise<Reference[]> {
    const records = await this.#digests.iterator(keysUnder(digest)).all();
    return records.map(([key, value]) => readDigestRecord(key, value));
  }

  /** The digests that begin with these characters, two at most: enough to tell whether one is meant. */
  async digestsFrom(start: string): Promise<Digest[]> {
    const found: Digest[] = [];
    for (let gte = start; found.length < 2; gte = `${found.at(-1)}!`) {
      const [key] = await this.#digests.keys({ gte, lt: `${start}${AFTER_HEX}`, limit: 1 }).all();
      if (key === undefined) break;
      found.push(parseDigest(key.slice(0, DIGEST_HEX_LENGTH)));
    }
    return found;
  }

  /** Whether some line names it without a digest. */
  async isUndigested(name: string): Promise<boolean> {
    const keys = await this.#names.keys({ ...undigestedKeys(name), limit: 1 }).all();
    return keys.length > 0;
  }

  #operations({ dir, lines, added, removed, record }: ManifestChange): Operation[] {
    return [
      ...removed.flatMap((line) => this.#remove(readLine(line), dir)),
      ...added.flatMap((line) => this.#add(readLine(line), dir)),
      ...(record === undefined ? this.#forget(dir) : this.#remember(dir, lines, record)),
    ];
  }

  #remember(dir: string, lines: readonly string[], record: ManifestRecord): Operation[] {
    return [
      { type: "put", sublevel: this.#lines, key: dir, value: lines.join("\n") },
      { type: "put", sublevel: this.#manifests, key: dir, value: JSON.stringify(record) },
    ];
  }

  #forget(dir: string): Operation[] {
    return [
      { type: "del", sublevel: this.#lines, key: dir },
      { type: "del", sublevel: this.#manifests, key: dir },
    ];
  }

  #add(line: DistLine, dir: string): Operation[] {
    const value = String(line.size);
    const byName: Operation = { type: "put", sublevel: this.#names, key: nameKey(line, dir), value };
    if (line.digest === undefined) return [byName];
    return [byName, { type: "put", sublevel: this.#digests, key: digestKey(line.name, line.digest, dir), value }];
  }

  #remove(line: DistLine, dir: string): Operation[] {
    const byName: Operation = { type: "del", sublevel: this.#names, key: nameKey(line, dir) };
    if (line.digest === undefined) return [byName];
    return [byName, { type: "del", sublevel: this.#digests, key: digestKey(line.name, line.digest, dir) }];
  }

  /** One name with one digest is one distfile, in however many packages. */
  async #countDistfiles(): Promise<number> {
    let count = 0;
    let last = "";
    for await (const key of this.#names.keys()) {
      const distfile = key.slice(0, key.indexOf(" ", key.indexOf(" ") + 1));
      if (distfile !== last) count += 1;
      last = distfile;
    }
    return count;
  }

  async #save(state: State, operations: readonly Operation[] = []): Promise<void> {
    const put: Operation = { type: "put", sublevel: this.#states, key: STATE_KEY, value: JSON.stringify(state) };
    await written(this.#db.batch([put, ...operations]));
    this.#state = state;
  }
}
