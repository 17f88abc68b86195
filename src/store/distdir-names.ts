/** What Portage appends to the name of a distfile while it fetches it (fetch.py: `_download_suffix`). */
const DOWNLOAD_SUFFIX = ".__download__";

/** What Portage appends to a distfile that it is fetching, and to one that was wrong. */
const UNFINISHED_PATTERN = /\.__download__$|\._checksum_failure_\.|\.portage_lockfile$/;

/** Whether a name in DISTDIR may be a whole distfile: no dot-file, no lock, no download under way or given up. */
export function mayBeDistfile(name: string): boolean {
  return !name.startsWith(".") && !UNFINISHED_PATTERN.test(name);
}

/** The name in DISTDIR of a distfile that Portage is fetching, or was when it was broken off. */
export function downloadName(name: string): string {
  return name + DOWNLOAD_SUFFIX;
}

/** What tells whether a file is still the one that was hashed. */
export interface FileIdentity {
  readonly inode: number;
  readonly size: number;
  /** Milliseconds since 1970, with the fraction that the file system gives. */
  readonly modified: number;
}

/** The identity of a file by its stat. */
export function identityOf(stat: { ino: number; size: number; mtimeMs: number }): FileIdentity {
  return { inode: stat.ino, size: stat.size, modified: stat.mtimeMs };
}

/** Whether two identities are of the same, unchanged file. */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.inode === b.inode && a.size === b.size && a.modified === b.modified;
}
