import type { Source, SourceKind } from "../core/source.ts";
import { mayStream, type Contributor, type VerifyFirst } from "./release.ts";

/** Where the bytes of a growing copy came from: by their digest all of them stand or fall together. */
export class Contributors {
  readonly #byLabel = new Map<string, { kind: Contributor; source?: Source }>();

  /** Bytes of a partial that an earlier run left, or Portage in DISTDIR. */
  addEarlierRun(): void {
    this.#byLabel.set("what was here of it", { kind: "earlier" });
  }

  /** Bytes of this source. */
  add(source: Source): void {
    this.#byLabel.set(source.label, { kind: source.kind, source });
  }

  /** The bytes were dropped. */
  clear(): void {
    this.#byLabel.clear();
  }

  has(source: Source): boolean {
    return this.#byLabel.has(source.label);
  }

  /** The peers that passed bytes on without having checked them. */
  get growing(): readonly Source[] {
    return [...this.#byLabel.values()].flatMap(({ source }) => (source?.isGrowing ? [source] : []));
  }

  /** The one source that all bytes came from; undefined when there are several, or it is not known. */
  get only(): Source | undefined {
    const [only, ...others] = this.#byLabel.values();
    return others.length === 0 ? only?.source : undefined;
  }

  /** `upstream` as soon as any bytes did. */
  get origin(): SourceKind {
    const kinds = [...this.#byLabel.values()].map(({ kind }) => kind);
    return kinds.length > 0 && kinds.every((kind) => kind === "peer") ? "peer" : "upstream";
  }

  /** Whether bytes of all of them may leave before the digest is known. */
  mayStream(size: number, verifyFirst: VerifyFirst): boolean {
    return [...this.#byLabel.values()].every(({ kind }) => mayStream(kind, size, verifyFirst));
  }

  /** For people, in the order in which they came. */
  get names(): string {
    return [...this.#byLabel.keys()].join(", then ") || "nobody, it is empty";
  }
}
