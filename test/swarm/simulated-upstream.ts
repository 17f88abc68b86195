import { SourceError } from "../../src/core/errors.ts";
import type { OpenOptions, Source, SourceBody, UpstreamFinder, Withheld } from "../../src/core/source.ts";
import { inSteps } from "./in-steps.ts";
import { RIGHT, WRONG } from "./memory-store.ts";
import type { SimulatedBox, SimulatedMirror } from "./simulated-lan.ts";

/** What upstream brings in one step, in bytes. */
const FROM_UPSTREAM = 1;
/** To the answer, and from there to the first byte. */
const ANSWER_MS = 40;
const FIRST_BYTE_MS = 100;
/** A server that is silent so long in a body is left for the next. */
const STALL_MS = 30_000;

/** The mirrors as sources for one box. */
export class SimulatedUpstream implements UpstreamFinder {
  readonly #box: SimulatedBox;

  constructor(box: SimulatedBox) {
    this.#box = box;
  }

  async withheld(): Promise<readonly Withheld[]> {
    return [];
  }

  isAwaited(): boolean {
    return false;
  }

  onAwaited(): () => void {
    return () => {};
  }

  async *sources(): AsyncGenerator<Source> {
    for (const mirror of this.#box.lan.mirrors) {
      yield { kind: "upstream", label: mirror.name, open: (options) => this.#open(mirror, options), blame: () => {} };
    }
  }

  async #open(mirror: SimulatedMirror, { offset, signal }: OpenOptions): Promise<SourceBody> {
    await this.#box.lan.claims.sleep(ANSWER_MS, signal);
    if (mirror.refused.has(this.#box)) throw new SourceError("REFUSED", "does not answer");
    return { bytes: this.#body(mirror, offset, signal) };
  }

  async *#body(mirror: SimulatedMirror, offset: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const box = this.#box;
    const { lan } = box;
    const { wrongAt } = mirror;
    if (wrongAt !== undefined && wrongAt >= offset) mirror.wrongAt = undefined; // the next download is right
    box.isAtUpstream = !box.self.isDeaf;
    try {
      await lan.claims.sleep(FIRST_BYTE_MS, signal);
      const next = async (position: number): Promise<Buffer> => {
        if (lan.silent.has(box)) return Buffer.alloc(0);
        lan.upstreamGave(box, { isFirst: position === offset });
        return Buffer.alloc(FROM_UPSTREAM, position === wrongAt ? WRONG : RIGHT);
      };
      yield* inSteps(lan.claims, { from: offset, to: lan.size, stallMs: STALL_MS, next, signal });
    } finally {
      box.isAtUpstream = false;
    }
  }
}
