import type { SnapshotPart } from "../core/snapshots.ts";

/** Most bytes of a tarball: twenty times what they have now. */
const TARBALL_MAX_BYTES = 2 ** 30;

/** Most bytes of `.gpgsig` and `.md5sum`, which have less than 1 KiB. */
const SIDE_FILE_MAX_BYTES = 64 * 1024;

/** Most bytes that each file of a tree snapshot may have. */
export const MAX_BYTES: Readonly<Record<SnapshotPart, number>> = {
  tarball: TARBALL_MAX_BYTES,
  signature: SIDE_FILE_MAX_BYTES,
  md5sum: SIDE_FILE_MAX_BYTES,
};
