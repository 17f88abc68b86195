import type { Attempt } from "../core/report/attempt.ts";
import { BoundedMap } from "../core/data/bounded-map.ts";
import type { ClaimEvent } from "../core/claim/claim-event.ts";
import type { Digest } from "../core/digest.ts";

/** How many retrievals are remembered for `explain`. */
const REMEMBERED = 1000;

/** What happened during a retrieval, oldest first. */
export interface Story {
  readonly attempts: readonly Attempt[];
  readonly claims: readonly ClaimEvent[];
  /** How often bytes of growing copies turned out wrong since it came right last. */
  readonly misled: number;
}

const NOTHING_HAPPENED: Story = { attempts: [], claims: [], misled: 0 };

/** The last retrievals of this run: what `explain` tells of a file. */
export class StoryBook {
  readonly #byDigest = new BoundedMap<Digest, Story>(REMEMBERED);

  /** Remembers a retrieval in place of the last one of the blob. */
  remember(digest: Digest, { attempts, claims, misled }: Story): void {
    this.#byDigest.set(digest, { attempts, claims, misled });
  }

  /** What happened last time. */
  of(digest: Digest): Story {
    return this.#byDigest.get(digest) ?? NOTHING_HAPPENED;
  }
}
