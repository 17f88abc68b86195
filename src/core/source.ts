import type { Want } from "./distfile.ts";

/** Who can give bytes: another box, or a mirror or SRC_URI host. */
export type SourceKind = "peer" | "upstream";

/** Where the bytes of a blob came from for whoever was given them: from here, or from a source. */
export type Origin = "store" | SourceKind;

/** The body of a source's answer. */
export interface SourceBody {
  /**
   * Bytes from the asked offset to the end of the blob, in order. Each buffer is only lent, until the next one is asked for.
   * Throws a `SourceError`.
   */
  readonly bytes: AsyncIterable<Buffer>;
  /** Of a peer: bytes of the whole blob. A word, where the want's size was infinite. */
  readonly size?: number;
}

/** How a source is asked; see {@link Source.open}. */
export interface OpenOptions {
  readonly offset: number;
  readonly signal: AbortSignal;
  readonly silent?: () => void;
  readonly paced?: (bytesPerSecond: number) => void;
}

/** Something that can give one wanted blob. */
export interface Source {
  readonly kind: SourceKind;
  /** For people: the URL, or the peer's host name. */
  readonly label: string;
  /**
   * Of a peer: it is still receiving the blob itself, so what it gives
   * nobody has checked, and its failure tells nothing.
   */
  readonly isGrowing?: boolean;
  /** Of a peer: its id. */
  readonly giver?: string;
  /**
   * Asks for the bytes from `offset` to the end.
   *
   * Header and stall timeouts are the source's own; a length unlike the wanted size, and a range that starts elsewhere,
   * are refused here. Abort `signal` to let go of it, before or in the body.
   *
   * `silent`: somebody else can be asked beside it. It is told when nobody has answered for so long that this pays, perhaps
   * more than once; the source goes on waiting, longer than it would without.
   *
   * `paced`: somebody else can be asked in its place. Of a peer: it is told now and then how many bytes a second come while
   * they are waited for, as soon as that is known.
   *
   * @throws {SourceError} what it did wrong.
   */
  open(options: OpenOptions): Promise<SourceBody>;
  /**
   * Told when the blob's digest failed and this source alone sent it: it is not asked for this blob again for a while. Also
   * told when a growing one passed bytes of it on, which may be nobody's fault.
   */
  blame(): void;
  /**
   * Told when others are raced against it. Until the returned function is called, it is not asked for this blob by anybody
   * else on this box, nor does its word count that it asks upstream for it.
   */
  doubt?(): () => void;
  /** Told when another source was clearly faster, or hardly anything came: others are asked before it for a while. */
  outpaced?(): void;
}

/**
 * What is asked of boxes that are still receiving a blob. `follow`: its bytes as they come. `present`: those that are
 * there now. `none`: nothing, only whole blobs will do.
 */
export type GrowingUse = "follow" | "present" | "none";

/** Why somebody who could be thought of is not asked for a blob. */
export interface Withheld {
  /**
   * `fetch`: its ebuilds forbid to fetch it from anybody. `mirror`: from the mirrors. `group`: nobody says what its
   * `mirror://NAME/` stands for. `protocol`: its URL is neither http nor https.
   */
  readonly reason: "fetch" | "mirror" | "group" | "protocol";
  /** For people, one clause. */
  readonly text: string;
}

/** Finds who can give a blob. */
export interface SourceFinder {
  /**
   * The sources to try, best first, one at a time as the caller gets to them. Those known to be of no use now (left
   * alone for a while, blamed) come out last or not at all.
   *
   * @param options.growing of the swarm; @default `follow`.
   */
  sources(want: Want, options: { signal: AbortSignal; growing?: GrowingUse }): AsyncIterable<Source>;
}

/** Finds who can give a blob among the mirrors and SRC_URI hosts. */
export interface UpstreamFinder extends SourceFinder {
  /** Who is left out of {@link SourceFinder.sources}, and why; empty when nobody is. */
  withheld(want: Want): Promise<readonly Withheld[]>;
  /** Whether agents that have this one as a mirror wait here: for a blob (its digest), or a path below the mirrors' root. */
  isAwaited(what: string): boolean;
  /** Has `begin` called whenever one of them begins to wait for it, until the returned function is called. */
  onAwaited(what: string, begin: () => void): () => void;
}
