/** Requests and bytes. */
export interface Tally {
  readonly requests: number;
  readonly bytes: number;
}

/** What this box gave. */
export interface Traffic {
  /** What clients on this box were given, by where it came from. */
  readonly served: { readonly store: Tally; readonly peer: Tally; readonly upstream: Tally };
  /** What peers were given. */
  readonly uploaded: Tally;
  /** What was passed through without a digest. */
  readonly passed: Tally;
}
