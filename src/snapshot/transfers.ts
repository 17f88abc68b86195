import type { Digest } from "../core/digest.ts";
import type { GrowingCopy } from "../core/growing-copy.ts";
import type { SourceKind } from "../core/source.ts";
import type { TransferStatus } from "../core/report/transfer-status.ts";
import type { StagedCopy } from "./staged-copy.ts";

interface UnderWay {
  readonly name: string;
  readonly kind: SourceKind;
  /** What peers ask for it by; undefined where it is not for them. */
  readonly subject?: Digest;
  /** By `performance.now`. */
  readonly began: number;
}

/** The files of tree snapshots that are on their way here, for the status, and for peers that follow. */
export class Transfers {
  readonly #underWay = new Map<StagedCopy, UnderWay>();

  /** Shows a copy while `work` runs; resolves and throws as that does. */
  async during<T>(copy: StagedCopy, what: Omit<UnderWay, "began">, work: () => Promise<T>): Promise<T> {
    this.#underWay.set(copy, { ...what, began: performance.now() });
    try {
      return await work();
    } finally {
      this.#underWay.delete(copy);
    }
  }

  /**
   * The copy that peers call `subject`, for one of them; undefined when
   * none is on its way, or its size is not known yet.
   */
  openGrowing(subject: Digest): GrowingCopy | undefined {
    const [copy, underWay] = this.#find(subject) ?? [];
    return copy?.openGrowing({ isRoot: underWay?.kind === "upstream" });
  }

  /** Bytes of it that peers can read now. */
  received(subject: Digest): number {
    const [copy] = this.#find(subject) ?? [];
    return copy?.size === undefined ? 0 : copy.received;
  }

  list(): TransferStatus[] {
    const now = performance.now();
    return [...this.#underWay].map(([copy, { name, kind, began }]) => ({
      name,
      size: copy.size ?? 0,
      received: copy.received,
      kind,
      ...(copy.source !== undefined && { source: copy.source }),
      seconds: Math.round((now - began) / 1000),
      clients: copy.clients,
    }));
  }

  #find(subject: Digest): [StagedCopy, UnderWay] | undefined {
    return [...this.#underWay].find(([, underWay]) => underWay.subject === subject);
  }
}
