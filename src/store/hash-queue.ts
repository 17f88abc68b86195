import { open } from "node:fs/promises";
import fastq from "fastq";
import type { Startable } from "../core/lifecycle.ts";
import { READ_FLAGS } from "../core/fs/regular-file.ts";
import { identityOf, isSameFile } from "./distdir-names.ts";
import type { HashedFile } from "./distdir-records.ts";
import { hashFile } from "./file-chunks.ts";

/** Rest after each chunk hashed in the background, in milliseconds; a chunk takes about 1. Requests go first. */
const HASH_PAUSE_MS = 2;

/**
 * Hashes a file without getting in the way of other work.
 *
 * @returns undefined when it changed meanwhile, or is no file any more.
 */
export async function hashUnchanged(path: string, signal: AbortSignal): Promise<HashedFile | undefined> {
  const handle = await open(path, READ_FLAGS);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return undefined;
    const before = identityOf(stat);
    const hashed = await hashFile(handle, before.size, { signal, pauseMs: HASH_PAUSE_MS });
    return isSameFile(before, identityOf(await handle.stat())) ? { ...before, ...hashed } : undefined;
  } finally {
    await handle.close();
  }
}

/** Names waiting for their files to be hashed, one at a time, each at most once. */
export class HashQueue implements Startable {
  readonly #waiting = new Set<string>();
  #abort = new AbortController();
  readonly #queue: fastq.queueAsPromised<string, void>;

  /** @param components.hash does the work; must not throw, and ends soon once the signal is aborted */
  constructor(components: { hash: (name: string, signal: AbortSignal) => Promise<void> }) {
    this.#queue = fastq.promise(async (name: string) => {
      if (!this.#abort.signal.aborted) await components.hash(name, this.#abort.signal);
      this.#waiting.delete(name);
    }, 1);
  }

  async start(): Promise<void> {
    if (this.#abort.signal.aborted) this.#abort = new AbortController();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#queue.drained();
  }

  push(name: string): void {
    if (this.#waiting.has(name)) return;
    this.#waiting.add(name);
    void this.#queue.push(name);
  }
}
