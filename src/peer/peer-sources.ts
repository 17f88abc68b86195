import type { Digest } from "../core/digest.ts";
import type { Holder } from "../core/directory.ts";
import type { Want } from "../core/distfile.ts";
import type { GrowingUse, Source, SourceFinder } from "../core/source.ts";
import { Candidates } from "./candidates.ts";
import type { PeerSourceParts } from "./inquiry.ts";
import { PeerSource } from "./peer-source.ts";

/** How long peers may take to answer before upstream is asked beside them. A dead holder costs this, once. */
const PATIENCE_MS = 1000;
/** How long they may take beside upstream, or when that has failed: a box that compiles is slow, not dead. */
const LONG_PATIENCE_MS = 10_000;

/** How peers are asked. */
interface Manner {
  readonly patienceMs: number;
  readonly graceMs: number;
  readonly isAsked: (id: string, digest: Digest) => boolean;
  readonly growing: GrowingUse;
}

/**
 * The peers as sources of a blob. Who holds it is known from memory, so that what nobody holds costs no network call.
 *
 * Each source begins with another holder; one that has broken off is not in the later ones.
 */
export class PeerSources implements SourceFinder {
  readonly #parts: PeerSourceParts;
  /** The same with more patience, and with those that are left alone now: for when upstream has failed too. */
  readonly lastResort: SourceFinder;

  constructor(parts: PeerSourceParts) {
    this.#parts = parts;
    this.lastResort = {
      sources: (want) =>
        this.#sources(want, {
          patienceMs: LONG_PATIENCE_MS,
          graceMs: 0,
          isAsked: (id, digest) => this.#parts.standing.isLeft(id, digest),
          growing: "none",
        }),
    };
  }

  /** See {@link SourceFinder.sources}. */
  sources(want: Want, { growing = "follow" }: { growing?: GrowingUse } = {}): AsyncIterable<Source> {
    const isAsked = (id: string, digest: Digest): boolean => !this.#parts.standing.isLeft(id, digest);
    const graceMs = LONG_PATIENCE_MS - PATIENCE_MS;
    return this.#sources(want, { patienceMs: PATIENCE_MS, graceMs, isAsked, growing });
  }

  async *#sources(want: Want, { patienceMs, graceMs, isAsked, growing }: Manner): AsyncGenerator<Source> {
    const { directory, standing } = this.#parts;
    const holders = directory.holders(want.digest).filter((holder) => {
      if (holder.growing === true && (growing === "none" || standing.isMisleading(holder.id))) return false;
      return !standing.isOut(holder.id, want.digest) && isAsked(holder.id, want.digest);
    });
    const candidates = new Candidates(this.#fastFirst(holders));
    for (let first = candidates.take(); first !== undefined; first = candidates.take()) {
      yield new PeerSource(first, candidates, this.#parts, { want, patienceMs, graceMs, growing });
    }
  }

  #fastFirst(holders: readonly Holder[]): Holder[] {
    const { standing } = this.#parts;
    return holders.toSorted((a, b) => Number(standing.isSlow(a.id)) - Number(standing.isSlow(b.id)));
  }
}
