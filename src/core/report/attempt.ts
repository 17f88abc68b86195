import type { SourceKind } from "../source.ts";

/** One try at one source during a retrieval; or several in a row that ended alike and brought nothing. */
export interface Attempt {
  readonly kind: SourceKind;
  readonly source: string;
  /** The source was a peer that was still receiving the file itself. */
  readonly growing?: boolean;
  /** ISO 8601. */
  readonly at: string;
  /** Where it began, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** To the headers, and in all; of several tries the first one's, and theirs together. */
  readonly first_ms?: number;
  readonly ms: number;
  /** How many tries, and when the last one began (ISO 8601); absent for one. */
  readonly times?: number;
  readonly last_at?: string;
  /** `ok`, `aborted`, or the code of its fault. */
  readonly outcome: string;
  readonly detail?: string;
}
