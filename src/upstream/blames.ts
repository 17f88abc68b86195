import { BoundedMap } from "../core/data/bounded-map.ts";
import type { Digest } from "../core/digest.ts";

/** How long a URL is asked last for a blob of which it sent wrong bytes. */
const BLAME_MS = 600_000;
/** Blames remembered; the oldest goes first. */
const MAX_BLAMES = 1024;

/** Which URLs sent wrong bytes for which blob. Says nothing about the rest of what their server has. */
export class Blames {
  readonly #until = new BoundedMap<string, number>(MAX_BLAMES);
  readonly #now: () => number;

  /** `now`: milliseconds since some moment. @default those of the system, whatever its date is set to */
  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Remembers that `url` sent wrong bytes for `digest`. */
  add(url: string, digest: Digest): void {
    this.#until.set(`${digest} ${url}`, this.#now() + BLAME_MS);
  }

  /** Whether `url` did so lately. */
  has(url: string, digest: Digest): boolean {
    return (this.#until.get(`${digest} ${url}`) ?? 0) > this.#now();
  }
}
