import type { Attempt } from "../core/report/attempt.ts";
import type { Digest } from "../core/digest.ts";
import type { Want } from "../core/distfile.ts";
import type { DistswarmError } from "../core/errors.ts";
import { Recent } from "../core/data/recent.ts";

/** How long 'nobody has it' is remembered, in ms: as long as Portage takes to come in by its next door. */
const REMEMBERED_MS = 30_000;

/** Remembers what nobody had a moment ago, so that the next door does not ask everybody again. */
export class RecentMisses {
  readonly #misses = new Recent<DistswarmError>({ ttlMs: REMEMBERED_MS, now: () => performance.now() });

  /** Remembers a `NOT_FOUND`. */
  remember(digest: Digest, error: DistswarmError): void {
    this.#misses.remember(digest, error);
  }

  /**
   * @throws {DistswarmError} the remembered `NOT_FOUND`, while it is fresh
   * and the URLs that are named now were tried too.
   */
  check({ digest, urls = [] }: Pick<Want, "digest" | "urls">): void {
    const miss = this.#misses.get(digest);
    if (miss !== undefined && urls.every((url) => wasTried(url, miss))) throw miss;
  }

  /** For how many milliseconds more a miss is remembered; 0 when none is. */
  remainingMs(digest: Digest): number {
    return this.#misses.remainingMs(digest);
  }

  /** The tree or the mirrors changed: what nobody had may be had now. */
  clear(): void {
    this.#misses.clear();
  }
}

function wasTried(url: string, { facts }: DistswarmError): boolean {
  const attempts = (facts["attempts"] ?? []) as readonly Attempt[];
  return attempts.some(({ source }) => source === url);
}
