import { DistswarmError } from "../core/errors.ts";

/** The checks that a tree snapshot must pass, named by how it fails them. */
export type FailedCheck =
  | "NOT_A_FILE" // one of its files is a FIFO, a directory, or the like
  | "TOO_LARGE" // one of its files is larger than it can be
  | "TRUNCATED" // the tarball is empty, or ends without the footer of an xz file
  | "MD5SUM_UNREADABLE" // the md5sum file has no line for the tarball
  | "WRONG_MD5" // the tarball, rightly signed, has another MD5 than the md5sum file says
  | "SIGNATURE_UNREADABLE" // the signature file holds no detached signature, or one that names no time
  | "UNKNOWN_KEY" // signed by a key that is not in the keyring
  | "WRONG_USER_ID" // the key has no user id of Gentoo's infrastructure
  | "KEY_REVOKED"
  | "KEY_EXPIRED" // it had expired when it signed
  | "WEAK_HASH" // signed over a hash that proves nothing any more
  | "SIGNED_TOO_EARLY" // before the date in the name: an older snapshot under a new name
  | "SIGNED_TOO_LATE" // more than 48 h after the date in the name
  | "SIGNED_IN_FUTURE" // by the clock of this box, which may be slow
  | "SAME_TARBALL" // the very tarball that is kept under another date: an older snapshot under a new name
  | "WRONG_SIGNATURE"; // the signature is not of these bytes

/** A tree snapshot that failed a check: nothing of it is kept, announced or served from here. */
export class SnapshotRefused extends DistswarmError<"SNAPSHOT_REFUSED"> {
  readonly check: FailedCheck;

  constructor(check: FailedCheck, message: string, options: { cause?: unknown } = {}) {
    super("SNAPSHOT_REFUSED", message, { cause: options.cause, facts: { check } });
    this.check = check;
  }

  /** Whether the same files fail the same check whenever they are looked at, as long as the keys are the same. */
  get isFinal(): boolean {
    return this.check !== "SIGNED_IN_FUTURE";
  }
}
