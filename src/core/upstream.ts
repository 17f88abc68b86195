import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Want } from "./distfile.ts";
import type { UpstreamFinder } from "./source.ts";

/** One HTTP request to be sent on as it came, hop-by-hop fields already removed. */
export interface ForwardRequest {
  readonly method: string;
  /** Absolute http or https URL. */
  readonly url: string;
  /** Path and query as the client wrote them, to be sent so. @default those of `url` */
  readonly path?: string;
  /** Name and value in turn, as `IncomingMessage.rawHeaders` has them. */
  readonly headers: readonly string[];
  readonly body?: Readable;
  readonly signal: AbortSignal;
  /** Follow redirects (GET and HEAD only) instead of handing them on. */
  readonly followRedirects?: boolean;
  /** It is the wish of another box: what is for this box alone is not asked (`core/net/inside.ts`). @default false */
  readonly isGuest?: boolean;
}

/** What an upstream server answered. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body as it comes; destroy it to let go. A body that breaks off errors, it never just ends. */
  readonly body: Readable;
  /** The URL that answered, after redirects. */
  readonly url: string;
}

/** The ways to the servers outside: as sources of a wanted blob, and as a plain way through for all else. */
export interface Upstream extends UpstreamFinder {
  /**
   * Sends a request on, whatever it is.
   *
   * @throws {SourceError} `REFUSED`, `HEADER_TIMEOUT`, `UNTRUSTED`, `BAD_REDIRECT`.
   */
  forward(request: ForwardRequest): Promise<UpstreamAnswer>;
  /**
   * Asks the mirrors in order for a distfile by its name alone, each by its own layout: the first answer below 400 (or
   * 416). Nothing is checked: for names that no Manifest knows.
   *
   * @throws {DistswarmError} `NOT_FOUND` when every mirror answered 404 or 410; `NO_SOURCE` else, or with no mirrors:
   * its facts hold `busy` when all that failed only asked to be left alone, and `retryAfterMs`.
   */
  distfile(name: string, request: MirrorRequest): Promise<UpstreamAnswer>;
  /** The same for a path below the mirrors' root, such as `/snapshots/gentoo-20261119.tar.xz`; a query is kept. */
  mirrorPath(path: string, request: MirrorRequest): Promise<UpstreamAnswer>;
  /**
   * The same for a file that a Manifest knows, wherever {@link Upstream.sources} would have it from. An answer with
   * another length than the Manifest's does not count.
   */
  locate(want: Want, request: MirrorRequest): Promise<UpstreamAnswer>;
  /**
   * Takes note that other agents wait here for a blob (its digest), or a path below the mirrors' root. Whoever is asked
   * for it meanwhile is told, so that no two agents wait for each other. They wait until the returned function is
   * called.
   */
  waits(what: string, agents: readonly string[]): () => void;
  /** The distfile name that a URL stands for by the repositories' SRC_URI, or undefined. */
  nameOf(url: string): Promise<string | undefined>;
  /**
   * Of each ebuild that names a distfile, in a repository with an md5-cache: the names of all files that it needs whatever
   * its USE flags, this one included, in the order of SRC_URI.
   */
  neighbours(want: Want): Promise<readonly (readonly string[])[]>;
  /** Whether `url` lies below one of the configured mirrors. */
  isMirror(url: URL): boolean;
}

/** What of the client's request a mirror is told. */
export interface MirrorRequest {
  readonly method: "GET" | "HEAD";
  /** `Range`, `If-…`, `User-Agent`: name and value in turn. */
  readonly headers: readonly string[];
  readonly signal: AbortSignal;
  /** Answers by these URLs ({@link UpstreamAnswer.url}) turned out wrong: the next mirror is asked instead. */
  readonly avoid?: readonly string[];
}
