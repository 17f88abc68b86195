import type { Digest } from "../core/digest.ts";
import { SNAPSHOT_PARTS, type SnapshotAnnouncement, type SnapshotFiles } from "../core/snapshots.ts";
import { MAX_SNAPSHOTS, type SnapshotsMessage } from "./messages.ts";

/** Tree snapshots as they are told to peers. */
export type SnapshotUnits = SnapshotsMessage["units"];

/** What this box announces, as a message has it; the first ones when there are too many. */
export function unitsOf(announcements: readonly SnapshotAnnouncement[]): SnapshotUnits {
  return announcements.slice(0, MAX_SNAPSHOTS).map(({ name, files }) => {
    const file = (part: keyof SnapshotFiles) => ({
      digest: Buffer.from(files[part].digest, "hex"),
      size: files[part].size,
    });
    return { name, tarball: file("tarball"), signature: file("signature"), md5sum: file("md5sum") };
  });
}

/** What a peer announces. A word, nothing more. */
export function announcementsOf(units: SnapshotUnits): SnapshotAnnouncement[] {
  return units.map(({ name, ...parts }) => {
    const files = SNAPSHOT_PARTS.map((part) => {
      const { digest, size } = parts[part];
      return [part, { digest: digest.toString("hex") as Digest, size }];
    });
    return { name, files: Object.fromEntries(files) as SnapshotFiles };
  });
}
