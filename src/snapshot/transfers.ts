import type { TransferStatus } from "../core/agent-api.ts";
import type { SourceKind } from "../core/source.ts";
import type { GrowingCopy } from "./growing-copy.ts";

interface UnderWay {
  readonly name: string;
  readonly kind: SourceKind;
  /** By `performance.now`. */
  readonly began: number;
}

/** The files of tree snapshots that are on their way here, for the status. */
export class Transfers {
  readonly #underWay = new Map<GrowingCopy, UnderWay>();

  /** Shows a copy while `fill` runs; resolves and throws as that does. */
  async during<T>(copy: GrowingCopy, what: Omit<UnderWay, "began">, fill: () => Promise<T>): Promise<T> {
    this.#underWay.set(copy, { ...what, began: performance.now() });
    try {
      return await fill();
    } finally {
      this.#underWay.delete(copy);
    }
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
      clients: copy.readers,
    }));
  }
}
