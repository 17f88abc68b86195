import type { Loan } from "./data/buffer-pool.ts";
import type { Digest } from "./digest.ts";

/** A range of bytes: from `start` up to but without `end`, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What the store knows of a blob without reading it. */
export interface BlobInfo {
  readonly digest: Digest;
  readonly size: number;
  /** `store`: our own copy. `distdir`: served where Portage put it. */
  readonly where: "store" | "distdir";
  readonly path: string;
}

/** A blob opened for reading. It is not evicted until it is closed. */
export interface OpenBlob extends BlobInfo {
  /**
   * The bytes of `range` (default: all), in order, in buffers of at most 1 MiB that the consumer owns. Each chunk of
   * 1 MiB is held against its chunk sum before any byte of it is given out.
   *
   * @param options.lend the buffers are of this loan: each is the consumer's until it has asked for two more, then it
   * is filled again. For consumers that write each on and respect back-pressure; nearly twice as fast.
   * @throws {DistswarmError} `BLOB_DAMAGED` at the chunk that differs, or that cannot be read; by then the store has
   * dropped the blob.
   */
  read(range?: ByteRange, options?: { lend?: Loan }): AsyncIterable<Buffer>;
  /** Lets go of it; safe to call twice. */
  close(): Promise<void>;
}

/** The bytes of one blob on their way into the store. One at a time for a digest. Bytes come in order from 0. */
export interface Ingest {
  readonly digest: Digest;
  readonly size: number;
  /** Bytes present, counted from 0; more than 0 at the start when a partial of an earlier run was found. */
  readonly received: number;
  /**
   * Appends.
   *
   * @throws {DistswarmError} `STORE_FULL` or `STORE_UNUSABLE`: nothing of this call counts; what was there can still be
   * read. `BAD_LENGTH` (a SourceError) when it would go beyond `size`.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Up to `length` bytes from `position`, as far as they are present; readable until closed, also after a failure. They
   * may be put `into` a buffer of the caller instead of fresh memory.
   */
  read(position: number, length: number, into?: Buffer): Promise<Buffer>;
  /**
   * Whether all bytes are there and their digest is right. Needs no disk: readers may be given verified bytes before
   * the commit.
   */
  verify(): Promise<boolean>;
  /**
   * Makes a verified blob visible and durable: fsync, rename into place, fsync of the directory, record, `added` event.
   *
   * @throws {DistswarmError} `DIGEST_MISMATCH` when not verified; `STORE_FULL`, `STORE_UNUSABLE`.
   */
  commit(): Promise<void>;
  /** Drops the bytes and starts again at 0. */
  restart(): Promise<void>;
  /**
   * Takes its name off the disk, so that a new ingest of the digest can begin at once; what is there can still be read
   * until it is closed. For bytes that turned out wrong while clients were reading them.
   */
  detach(): Promise<void>;
  /** Ends it without a commit and lets the next ingest resume (`keep`), or removes what was there. Readers first. */
  close(options: { keep: boolean }): Promise<void>;
}

/** What is to be taken in. */
export interface IngestedBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Names that it goes by. @default none */
  readonly names?: readonly string[];
}

/** How full the store is. Bytes. */
export interface StoreUsage {
  readonly blobs: number;
  readonly bytes: number;
  readonly maxBytes: number;
  /** Blobs served from DISTDIR, not counted in `blobs`. */
  readonly distdirBlobs: number;
  readonly distdirBytes: number;
  /** Set when the last write failed: what and why, in one line; cleared by the next write that works. */
  readonly problem?: string;
}

/** Events of the store. `added`: can be opened from now on. `removed`: no longer, whatever the reason. */
export interface StoreEvents {
  added: [info: BlobInfo];
  removed: [digest: Digest];
}

/** The verified blobs on this box: the store's own and those in DISTDIR. */
export interface BlobStore {
  /** What is known of a blob, without opening it; undefined when it is not here. */
  find(digest: Digest): Promise<BlobInfo | undefined>;
  /** Opens a blob for reading and marks it used; undefined when it is not here. */
  open(digest: Digest): Promise<OpenBlob | undefined>;
  /**
   * Begins to take a blob in, resuming a partial, or what Portage has in DISTDIR of a download by one of the `names`. Makes
   * room first. Waits for another ingest of the same blob to be
   * committed, detached or closed.
   *
   * @throws {DistswarmError} `STORE_FULL` when it does not fit even after eviction; `STORE_UNUSABLE`; the signal's reason.
   */
  ingest(blob: IngestedBlob, options?: { signal?: AbortSignal }): Promise<Ingest>;
  /** Whether an ingest of this blob is under way. */
  isIngesting(digest: Digest): boolean;
  /** Every blob that can be opened, in no order. */
  list(): AsyncIterable<BlobInfo>;
  usage(): StoreUsage;
  on<E extends keyof StoreEvents>(event: E, listener: (...args: StoreEvents[E]) => void): unknown;
  off<E extends keyof StoreEvents>(event: E, listener: (...args: StoreEvents[E]) => void): unknown;
}
