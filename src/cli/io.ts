import type { Readable, Writable } from "node:stream";

/** What a command has of the world around it. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable;
  readonly env: NodeJS.ProcessEnv;
  /** From this call on, SIGINT and SIGTERM abort the signal instead of ending the process; a second one ends it. */
  interrupted(): AbortSignal;
  /**
   * From this call on, `stdout` is a log: lines for which there is no room are lost, and when nobody reads it any more the
   * process ends with a failure. Before, it is the other way round.
   */
  becomesLog(): void;
}
