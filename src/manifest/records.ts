import { isDigest, type Digest } from "../core/digest.ts";
import type { PackageRef } from "../core/distfile.ts";
import type { DamagedLine, DistLine } from "./parse.ts";

// How the index lies in level. Each DIST line stands under its name and under its digest, once for each package:
//
//   names      <name> <digest> <dir>  -> size
//   digests    <digest> <name> <dir>  -> size
//   lines      <dir>                  -> the lines of its Manifest, `<name> <size> <digest>`, to take them out again
//   manifests  <dir>                  -> ManifestRecord as JSON
//   state      state                  -> the index as a whole, as JSON (`tables.ts`)
//
// Names and digests hold no space (the parser sees to it); a directory may, and comes last. A line without a digest has
// `-` in its place, and no record in `digests`.

/** The number of this layout; an index with another one is built anew. */
export const INDEX_FORMAT = 1;

const NO_DIGEST = "-";

/** What is remembered of one Manifest. */
export interface ManifestRecord {
  /** See `FoundManifest`; empty: to be read again. */
  readonly signature: string;
  readonly damaged: readonly DamagedLine[];
}

/** One DIST line of one package. */
export interface Reference extends DistLine {
  /** The package's directory, absolute. */
  readonly dir: string;
}

/** A record that is not as it was written. */
export class DamagedRecord extends Error {
  override readonly name = "DamagedRecord";

  constructor(record: string) {
    super(`unreadable record ${JSON.stringify(record.slice(0, 80))}`);
  }
}

/** A range of keys, as level takes it. */
interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

/** The keys that begin with `field` as a whole. */
export function keysUnder(field: string): KeyRange {
  return { gte: `${field} `, lt: `${field}!` };
}

/** The keys in `names` of the lines that name this file without a digest. */
export function undigestedKeys(name: string): KeyRange {
  return keysUnder(`${name} ${NO_DIGEST}`);
}

/** The key of a line in `names`. */
export function nameKey(line: DistLine, dir: string): string {
  return `${line.name} ${line.digest ?? NO_DIGEST} ${dir}`;
}

/** The key of a line in `digests`. */
export function digestKey(name: string, digest: Digest, dir: string): string {
  return `${digest} ${name} ${dir}`;
}

/**
 * Reads a record of `names`.
 *
 * @throws {DamagedRecord}
 */
export function readNameRecord(key: string, size: string): Reference {
  const [name, digest, dir] = threeFields(key);
  return { ...readLine(`${name} ${size} ${digest}`), dir };
}

/**
 * Reads a record of `digests`.
 *
 * @throws {DamagedRecord}
 */
export function readDigestRecord(key: string, size: string): Reference {
  const [digest, name, dir] = threeFields(key);
  return { ...readLine(`${name} ${size} ${digest}`), dir };
}

/** A line as `lines` holds it. */
export function writeLine({ name, size, digest }: DistLine): string {
  return `${name} ${size} ${digest ?? NO_DIGEST}`;
}

/**
 * Reads what {@link writeLine} wrote.
 *
 * @throws {DamagedRecord}
 */
export function readLine(text: string): DistLine {
  const [name, digits, digest] = threeFields(text);
  const size = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new DamagedRecord(text);
  if (digest === NO_DIGEST) return { name, size, digest: undefined };
  if (!isDigest(digest)) throw new DamagedRecord(text);
  return { name, size, digest };
}

/**
 * Reads a record of `manifests`.
 *
 * @throws {DamagedRecord}
 */
export function readManifestRecord(text: string): ManifestRecord {
  const record = parseJson(text) as Partial<ManifestRecord> | null;
  if (typeof record?.signature !== "string" || !Array.isArray(record.damaged)) throw new DamagedRecord(text);
  return record as ManifestRecord;
}

/**
 * Reads JSON.
 *
 * @throws {DamagedRecord}
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DamagedRecord(text);
  }
}

/** The package that lies in `dir`. */
export function packageAt(dir: string): PackageRef {
  const category = dir.lastIndexOf("/", dir.lastIndexOf("/") - 1);
  return { repo: dir.slice(0, category), package: dir.slice(category + 1) };
}

function threeFields(text: string): [first: string, second: string, rest: string] {
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  if (first < 1 || second < 0) throw new DamagedRecord(text);
  return [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)];
}
