import type { Attempt } from "../core/agent-api.ts";
import type { Digest } from "../core/digest.ts";
import type { Want } from "../core/distfile.ts";
import type { DistswarmError } from "../core/errors.ts";

/** How long 'nobody has it' is remembered, in ms: as long as Portage takes to come in by its next door. */
const REMEMBERED_MS = 30_000;

/** Remembers what nobody had a moment ago, so that the next door does not ask everybody again. */
export class RecentMisses {
  readonly #misses = new Map<Digest, { error: DistswarmError; until: number }>();

  /** Remembers a `NOT_FOUND`. */
  remember(digest: Digest, error: DistswarmError): void {
    this.#forgetOld();
    this.#misses.delete(digest); // in order of time
    this.#misses.set(digest, { error, until: performance.now() + REMEMBERED_MS });
  }

  /**
   * @throws {DistswarmError} the remembered `NOT_FOUND`, while it is fresh
   * and the URLs that are named now were tried too.
   */
  check({ digest, urls = [] }: Pick<Want, "digest" | "urls">): void {
    this.#forgetOld();
    const miss = this.#misses.get(digest);
    if (miss !== undefined && urls.every((url) => wasTried(url, miss.error))) throw miss.error;
  }

  /** For how many milliseconds more a miss is remembered; 0 when none is. */
  remainingMs(digest: Digest): number {
    return Math.max(0, (this.#misses.get(digest)?.until ?? 0) - performance.now());
  }

  /** The tree or the mirrors changed: what nobody had may be had now. */
  clear(): void {
    this.#misses.clear();
  }

  #forgetOld(): void {
    const now = performance.now();
    for (const [digest, miss] of this.#misses) {
      if (miss.until > now) return;
      this.#misses.delete(digest);
    }
  }
}

function wasTried(url: string, { facts }: DistswarmError): boolean {
  const attempts = (facts["attempts"] ?? []) as readonly Attempt[];
  return attempts.some(({ source }) => source === url);
}
