import { digestOf, type Digest } from "../core/digest.ts";
import type { SnapshotPart } from "../core/snapshots.ts";

/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** Until this time of the day (UTC) yesterday's snapshot is not out yet; as in emerge-webrsync. */
const PUBLISHED_AFTER_MS = 3_600_000;

const SUFFIX: Readonly<Record<SnapshotPart, string>> = { tarball: "", signature: ".gpgsig", md5sum: ".md5sum" };
const PART: Readonly<Record<string, SnapshotPart>> = { "": "tarball", ".gpgsig": "signature", ".md5sum": "md5sum" };

const UNIT_PATTERN = /^gentoo-(\d{8})$/;
const FILE_PATTERN = /^gentoo-(\d{8})\.tar\.xz(|\.gpgsig|\.md5sum)$/;

/** One file of a tree snapshot, by name. */
export interface SnapshotFileName {
  /** `YYYYMMDD`, a day that the calendar has. */
  readonly date: string;
  readonly part: SnapshotPart;
}

/** What a name under `/snapshots/` means; undefined when it is not ours to keep. */
export function parseFileName(name: string): SnapshotFileName | undefined {
  const [, date = "", suffix = ""] = FILE_PATTERN.exec(name) ?? [];
  const part = PART[suffix];
  return part !== undefined && isDate(date) ? { date, part } : undefined;
}

/** The date of `gentoo-YYYYMMDD`; undefined when it is not such a name. */
export function parseUnitName(name: string): string | undefined {
  const [, date = ""] = UNIT_PATTERN.exec(name) ?? [];
  return isDate(date) ? date : undefined;
}

/** `gentoo-YYYYMMDD`, as boxes and people call the unit. */
export function unitName(date: string): string {
  return `gentoo-${date}`;
}

/** The name of one file of the unit, as mirrors and emerge-webrsync have it. */
export function fileName(date: string, part: SnapshotPart): string {
  return `${unitName(date)}.tar.xz${SUFFIX[part]}`;
}

/** Where mirrors have one file of the unit, below their root. */
export function mirrorPathOf(date: string, part: SnapshotPart): string {
  return `/snapshots/${fileName(date, part)}`;
}

/**
 * By what boxes claim the tarball of a date, and give it to each other while it is on its way: its digest is not known
 * before all of it is here, so the digest of its name stands for it.
 */
export function subjectOf(date: string): Digest {
  return digestOf(Buffer.from(fileName(date, "tarball")));
}

/** Whether `date` is `YYYYMMDD` and a day that the calendar has. */
export function isDate(date: string): boolean {
  return /^\d{8}$/.test(date) && dateOf(startOf(date)) === date;
}

/** 00:00 UTC of `YYYYMMDD`, in milliseconds since 1970. NaN for what is no date. */
export function startOf(date: string): number {
  return Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}T00:00:00Z`);
}

/** The date that emerge-webrsync asks for first at `now`: yesterday (UTC), until 01:00 the day before. */
export function newestDate(now: number): string {
  return dateOf(now - DAY_MS - PUBLISHED_AFTER_MS);
}

/** The latest date that a snapshot can have at `now`: today's comes tomorrow, and this box's clock may be slow. */
export function latestDate(now: number): string {
  return dateOf(now + DAY_MS);
}

/** `YYYYMMDD` (UTC) of a time; empty for one that is none. */
function dateOf(time: number): string {
  return Number.isNaN(time) ? "" : new Date(time).toISOString().slice(0, 10).replaceAll("-", "");
}
