import type { Digest } from "../digest.ts";
import type { SourceKind } from "../source.ts";

/** One retrieval under way, for status. */
export interface TransferStatus {
  /** Absent for a file of a tree snapshot: its name is all that is known of it. */
  readonly digest?: Digest;
  readonly name: string;
  readonly size: number;
  readonly received: number;
  /** Label of the source it comes from now; undefined while one is being looked for or while it waits in the queue. */
  readonly source?: string;
  readonly kind?: SourceKind;
  readonly seconds: number;
  /** Clients that wait for it on this box. */
  readonly clients: number;
}
