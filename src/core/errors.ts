/**
 * The stable names of what can go wrong. Three edges translate them, and nowhere else: HTTP status (`proxy/status-code.ts`),
 * wire code (`swarm/`) and exit code (`cli/exit-code.ts`).
 */
export type ErrorCode =
  // input
  | "INVALID_DIGEST"
  | "INVALID_CONFIG"
  | "INVALID_REQUEST"
  | "USAGE"
  // agent and CLI
  | "NODE_TOO_OLD"
  | "INTERNAL" // a fault in the agent, as its callers over the control sockets are told of it
  | "AGENT_NOT_RUNNING"
  | "NOT_PERMITTED"
  | "ADDRESS_IN_USE"
  | "FILES_HANG" // a file system gives no answer
  | "JOURNAL_DAMAGED" // of what setup has changed
  // store
  | "STORE_VERSION"
  | "STORE_FULL"
  | "STORE_UNUSABLE"
  | "BLOB_DAMAGED"
  | "DIGEST_MISMATCH"
  // swarm
  | "IDENTITY_UNUSABLE"
  | "INVALID_NETWORK_KEY"
  | "SWARM_UNAVAILABLE"
  // retrieval
  | "NOT_FOUND"
  | "NO_SOURCE"
  | "INDEX_NOT_READY"
  // tree snapshots
  | "SNAPSHOT_REFUSED"
  | "NO_KEYRING"
  // sources: what one source did
  | SourceFault;

/** What one source did wrong; the words that `explain` and the log use. */
export type SourceFault =
  | "ABSENT" // it answered that it does not have it (404, 410)
  | "BUSY" // it asked to be left alone for a while (429, 503)
  | "REFUSED" // no connection, or it closed before the headers
  | "HEADER_TIMEOUT" // no headers within the limit
  | "STALLED" // headers, then silence for longer than the limit
  | "BROKEN" // the body ended early
  | "BAD_STATUS" // any other status that is not a body
  | "BAD_LENGTH" // Content-Length unlike the Manifest's size
  | "BAD_RANGE" // a range that starts elsewhere than asked, or that cannot be read
  | "BAD_REDIRECT" // too many redirects, or one down from https to http
  | "LOOP" // whoever is asked waits for it here itself (508)
  | "UNTRUSTED" // TLS: the certificate could not be verified
  | "WRONG_BYTES"; // the digest of what it alone sent did not match

/** An error of ours: a stable code, one clear line, and its facts as fields. */
export class DistswarmError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = "DistswarmError";
  readonly code: Code;
  /** The facts, for logs and `--json`. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: { cause?: unknown; facts?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
  }
}

/** What one source did wrong. */
export class SourceError extends DistswarmError<SourceFault> {
  override readonly name = "SourceError";
  /** The HTTP status it answered with, where there was one. */
  readonly status: number | undefined;
  /** Milliseconds it asked to be left alone for (`Retry-After`), where it said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: SourceFault,
    message: string,
    options: { cause?: unknown; status?: number; retryAfterMs?: number } = {},
  ) {
    super(code, message, { cause: options.cause });
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether `error` is one of ours with this code. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is DistswarmError {
  return error instanceof DistswarmError && codes.includes(error.code);
}

/** What libuv has no name for, by Linux's numbers; the words are those of strerror(3). */
const UNNAMED: Readonly<Record<number, readonly [name: string, words: string]>> = {
  116: ["ESTALE", "stale file handle"],
  117: ["EUCLEAN", "structure needs cleaning"],
  122: ["EDQUOT", "disk quota exceeded"],
};

/** What Node says in place of name and words. */
const NAMELESS = /^(Unknown system error -\d+): \1/;

/** The `code` of a Node system error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const { code, errno = 0 } = (error ?? {}) as NodeJS.ErrnoException;
  return typeof code === "string" ? (UNNAMED[-errno]?.[0] ?? code) : undefined;
}

/** Whether a system error says that nothing is at that path, or nothing any more. */
export function isGone(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "");
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno = 0, message } = error as NodeJS.ErrnoException;
  const unnamed = UNNAMED[-errno];
  return unnamed === undefined ? message : message.replace(NAMELESS, unnamed.join(": "));
}
