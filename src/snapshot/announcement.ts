import { isDigest } from "../core/digest.ts";
import { SNAPSHOT_PARTS, type SnapshotAnnouncement, type SnapshotFile, type SnapshotPart } from "../core/snapshots.ts";
import { MAX_BYTES } from "./limits.ts";
import { parseUnitName, unitName } from "./name.ts";

/** Most announcements that are read of one peer; a box keeps 2, or what `snapshot.keep` says. */
const MAX_ANNOUNCEMENTS = 100;

/** An announcement with the date that its name means. */
export interface DatedAnnouncement extends SnapshotAnnouncement {
  readonly date: string;
}

/** Reads what a peer announces; what is malformed is left out, and of a date all but the first: a box keeps one. */
export function parseAnnouncements(value: unknown): DatedAnnouncement[] {
  if (!Array.isArray(value)) return [];
  const parsed = value.slice(0, MAX_ANNOUNCEMENTS).flatMap((one) => parseAnnouncement(one) ?? []);
  return parsed.filter(({ date }, at) => parsed.findIndex((other) => other.date === date) === at);
}

/** One text for the same three files, whoever announces them. */
export function identityOf({ files }: Pick<SnapshotAnnouncement, "files">): string {
  return SNAPSHOT_PARTS.map((part) => files[part].digest).join(" ");
}

function parseAnnouncement(value: unknown): DatedAnnouncement | undefined {
  const { name, files } = fieldsOf(value);
  const date = typeof name === "string" ? parseUnitName(name) : undefined;
  if (date === undefined) return undefined;
  const fields = fieldsOf(files);
  const [tarball, signature, md5sum] = SNAPSHOT_PARTS.map((part) => parseFile(fields[part], part));
  if (tarball === undefined || signature === undefined || md5sum === undefined) return undefined;
  return { date, name: unitName(date), files: { tarball, signature, md5sum } };
}

function parseFile(value: unknown, part: SnapshotPart): SnapshotFile | undefined {
  const { digest, size } = fieldsOf(value);
  if (typeof digest !== "string" || !isDigest(digest)) return undefined;
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1 || size > MAX_BYTES[part]) return undefined;
  return { digest, size };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
