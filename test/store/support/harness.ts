import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Level } from "level";
import { expect, onTestFinished } from "vitest";
import { openDatabase } from "../../../src/core/database.ts";
import { type Digest, digestOf } from "../../../src/core/digest.ts";
import type { DistfileIndex, DistfileNames } from "../../../src/core/distfile-index.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { Logger } from "../../../src/core/logger.ts";
import type { StoreToolEvent } from "../../../src/core/report/store-tool-event.ts";
import { FileStore, type FileStoreInit } from "../../../src/store/file-store.ts";
import type { DistdirRecord } from "../../../src/store/distdir-records.ts";
import type { BlobRecord } from "../../../src/store/records.ts";
import { tempDir } from "../../support/temp-dir.ts";

export const MIB = 2 ** 20;

/** Bytes that have a digest. */
export interface TestBlob {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly size: number;
}

/** A blob of `size` bytes that look random and are the same for the same seed. */
export function makeBlob(size: number, seed: string | number = size): TestBlob {
  const bytes = createHash("shake256", { outputLength: size }).update(String(seed)).digest();
  return { bytes, digest: digestOf(bytes), size };
}

/** Every line that was logged, as text. */
interface LogLines {
  readonly log: Logger;
  readonly lines: string[];
}

/** A logger that keeps its messages. */
export function keepLog(): LogLines {
  const lines: string[] = [];
  const keep = (...args: unknown[]) => void lines.push(String(args.at(-1)));
  const log = Object.assign(Object.create(silentLogger) as Logger, { warn: keep, error: keep });
  return { log, lines };
}

/** A store with its database, in a directory of its own. */
export interface TestStore {
  readonly store: FileStore;
  readonly dir: string;
  readonly lines: string[];
  /** Starts another store on the same directory and database, as after a restart. */
  restart(init?: Partial<FileStoreInit>): Promise<TestStore>;
  /** Forgets all records, as when the database was damaged. */
  loseDatabase(): Promise<void>;
}

/** Where a store keeps a blob. */
export function pathOf({ dir }: Pick<TestStore, "dir">, digest: string): string {
  return join(dir, "blobs", digest.slice(0, 2), digest);
}

/** Starts a store; it is stopped when the test ends. */
export async function startStore(
  init: Partial<FileStoreInit> = {},
  byName: DistfileIndex["byName"] = async () => [],
  more: { isKept?: (digest: Digest) => boolean; isUndigested?: DistfileIndex["isUndigested"] } = {},
): Promise<TestStore> {
  const root = await tempDir();
  const db = await openDatabase(join(root, "db"), silentLogger);
  onTestFinished(() => db.close());
  const { isKept = () => false, isUndigested = async () => false } = more;
  const outside = { index: { byName, isUndigested }, isKept };
  return startOn(db, { dir: join(root, "store"), maxSize: 1024 * MIB, minFree: 0, ...init }, outside);
}

async function startOn(
  db: Level<string, unknown>,
  init: FileStoreInit,
  outside: { index: DistfileNames; isKept: (digest: Digest) => boolean },
): Promise<TestStore> {
  const { log, lines } = keepLog();
  const blobRecords = db.sublevel<string, BlobRecord>("blobs", { valueEncoding: "json" });
  const distdirRecords = db.sublevel<string, DistdirRecord>("distdir", { valueEncoding: "json" });
  const store = new FileStore({ blobRecords, distdirRecords, log, ...outside }, init);
  await store.start();
  onTestFinished(() => store.stop());
  return {
    store,
    dir: init.dir,
    lines,
    restart: async (change) => {
      await store.stop();
      return startOn(db, { ...init, ...change }, outside);
    },
    loseDatabase: () => db.clear(),
  };
}

/** Takes a blob into the store, whole. */
export async function put(store: FileStore, blob: TestBlob): Promise<void> {
  const ingest = await store.ingest(blob);
  try {
    for (let at = ingest.received; at < blob.size; at += 64 * 1024) {
      await ingest.write(blob.bytes.subarray(at, at + 64 * 1024));
    }
    await ingest.commit();
  } finally {
    await ingest.close({ keep: false });
  }
}

/** All bytes of a blob of the store, or of a range of it; undefined when the store does not have it. */
export async function get(
  store: FileStore,
  digest: Digest,
  range?: { start: number; end: number },
): Promise<Buffer | undefined> {
  const blob = await store.open(digest);
  if (blob === undefined) return undefined;
  try {
    return Buffer.concat(await collect(blob.read(range)));
  } finally {
    await blob.close();
  }
}

/** An index that knows no name. */
export const emptyIndex: DistfileNames = { byName: async () => [], isUndigested: async () => false };

/** The events of a tool, without its progress. */
export async function outcome(events: AsyncIterable<StoreToolEvent>): Promise<StoreToolEvent[]> {
  const kept: StoreToolEvent[] = [];
  for await (const event of events) if (event.event !== "progress") kept.push(event);
  return kept;
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

/** Expects the same bytes (toEqual takes a second for each megabyte). */
export function expectBytes(actual: Buffer | undefined, expected: Buffer): void {
  expect(actual?.length).toBe(expected.length);
  expect(actual?.equals(expected)).toBe(true);
}
