import type { Source, SourceKind } from "../core/source.ts";
import { mayStream, type Contributor, type VerifyFirst } from "./release.ts";

/** What is remembered of one that gave. */
interface Given {
  readonly label: string;
  readonly kind: Contributor;
  /** Absent for what was here before. */
  readonly source?: Source;
  /** Whether it was still receiving the blob itself when it gave. */
  readonly isGrowing: boolean;
}

/** Tells a source from the others: boxes may have the same name and address. */
export function idOf({ giver, label }: Source): string {
  return giver ?? label;
}

/**
 * Where the bytes of a growing copy came from: by their digest all of them stand or fall together. A box may have given
 * twice, while it received the blob itself and when it had checked the whole: it stands here for both.
 */
export class Contributors {
  readonly #given = new Map<string, Given>();

  /** Bytes of a partial that an earlier run left, or Portage in DISTDIR. */
  addEarlierRun(): void {
    this.#given.set("earlier", { label: "what was here of it", kind: "earlier", isGrowing: false });
  }

  /** Bytes of this source. */
  add(source: Source): void {
    const { label, kind } = source;
    const isGrowing = source.isGrowing === true;
    this.#given.set(`${idOf(source)} ${isGrowing ? "growing" : "whole"}`, { label, kind, source, isGrowing });
  }

  /** The bytes were dropped. */
  clear(): void {
    this.#given.clear();
  }

  has(source: Source): boolean {
    return this.#all.some((given) => given.source !== undefined && idOf(given.source) === idOf(source));
  }

  /** The peers that passed bytes on without having checked them. */
  get growing(): readonly Source[] {
    return this.#all.flatMap(({ source, isGrowing }) => (source !== undefined && isGrowing ? [source] : []));
  }

  /** The one source that all bytes came from; undefined when there are several, or it is not known. */
  get only(): Source | undefined {
    const [only, ...others] = this.#all;
    return others.length === 0 ? only?.source : undefined;
  }

  /** `upstream` as soon as any bytes did. */
  get origin(): SourceKind {
    const isOfPeers = this.#all.length > 0 && this.#all.every(({ kind }) => kind === "peer");
    return isOfPeers ? "peer" : "upstream";
  }

  /** Whether bytes of all of them may leave before the digest is known. */
  mayStream(size: number, verifyFirst: VerifyFirst): boolean {
    return this.#all.every(({ kind }) => mayStream(kind, size, verifyFirst));
  }

  /** For people, in the order in which they came. */
  get names(): string {
    return [...new Set(this.#all.map(({ label }) => label))].join(", then ") || "nobody, it is empty";
  }

  get #all(): readonly Given[] {
    return [...this.#given.values()];
  }
}
