import type { ByteRange } from "./blob-store.ts";
import type { Digest } from "./digest.ts";

/** The three files of a tree snapshot: `gentoo-YYYYMMDD.tar.xz`, its `.gpgsig` and its `.md5sum`. */
export const SNAPSHOT_PARTS = ["tarball", "signature", "md5sum"] as const;
/** Which of the three. */
export type SnapshotPart = (typeof SNAPSHOT_PARTS)[number];

/** One file of a tree snapshot by its content. */
export interface SnapshotFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The three files by content. */
export type SnapshotFiles = Readonly<Record<SnapshotPart, SnapshotFile>>;

/** A tree snapshot as boxes tell each other of it. From a peer it is a word, nothing more. */
export interface SnapshotAnnouncement {
  /** `gentoo-YYYYMMDD`. */
  readonly name: string;
  readonly files: SnapshotFiles;
}

/** A kept tree snapshot, for status and `snapshot list`. */
export interface SnapshotStatus {
  /** `gentoo-YYYYMMDD`. */
  readonly name: string;
  /** `YYYYMMDD`. */
  readonly date: string;
  /** Of the three files, in bytes. */
  readonly size: number;
  /** False while no usable key is on this box: then it is neither served nor announced. */
  readonly verified: boolean;
  /** The user id of the key that signed it, the fingerprint of the key, and when it signed (ISO 8601). */
  readonly signed_by: string;
  readonly key: string;
  readonly signed_at: string;
  /** Ids of the peers that announce the same files, sorted. */
  readonly peers: readonly string[];
}

/** The bytes of a file that is not kept here, as upstream sends them. Nobody has verified them. */
export interface PassingBody {
  /** Bytes in all. */
  readonly size: number;
  /**
   * The bytes of `range`, as they come.
   *
   * @throws {SourceError} when they end early: pass it on as a broken body, never as a clean end.
   */
  read(range: ByteRange, signal: AbortSignal): AsyncIterable<Buffer>;
  /** Lets go of it; safe to call twice. */
  close(): Promise<void>;
}

/**
 * What a door answers with: a verified file, to be opened in the blob store by its digest (where it has just left the
 * store, ask again: it must not become a 404), or passing bytes.
 */
export type SnapshotContent =
  | { readonly kind: "held"; readonly file: SnapshotFile }
  | { readonly kind: "passing"; readonly body: PassingBody };

/** The tree snapshots as the doors see them. */
export interface SnapshotServer {
  /** The kept file with this name (the last segment of the path); undefined when it is not kept. No network. */
  find(name: string): Promise<SnapshotFile | undefined>;
  /**
   * What to answer a GET of `/snapshots/<name>` with: the kept file; else what a peer announces, pulled and verified
   * first; else what upstream has. Undefined: not for us to keep (another name, no usable key, or refused), so pass the
   * request through to upstream untouched. May take as long as a transfer: keep the client alive meanwhile.
   *
   * @throws {DistswarmError} `NOT_FOUND` when every mirror answered that it does not have it (remembered for two
   * minutes); `NO_SOURCE` or a SourceError when upstream failed.
   */
  open(name: string, options: { signal: AbortSignal }): Promise<SnapshotContent | undefined>;
}
