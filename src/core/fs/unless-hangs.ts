import { setTimeout as delay } from "node:timers/promises";
import { DistswarmError } from "../errors.ts";

/** How long a look at files is waited for, in ms; what it may ask of the network has ended long before. */
const WAIT_MS = 30_000;

const HUNG = "a file system that is looked at hangs, as NFS whose server is off";

/**
 * What a look comes to. A file system may hang, as NFS whose server is off: then nothing that asks it for anything ends.
 *
 * @throws {DistswarmError} `FILES_HANG` when that takes longer than `waitMs`; what the look throws.
 */
export async function unlessHangs<T>(look: Promise<T>, waitMs = WAIT_MS): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([look, hangsAfter(waitMs, over.signal)]);
  } finally {
    over.abort();
  }
}

async function hangsAfter(waitMs: number, signal: AbortSignal): Promise<never> {
  await delay(waitMs, undefined, { signal });
  throw new DistswarmError("FILES_HANG", `no answer within ${waitMs / 1000} s: ${HUNG}`);
}
