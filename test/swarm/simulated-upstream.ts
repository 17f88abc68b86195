import { SourceError } from "../../src/core/errors.ts";
import type { OpenOptions, Source, SourceBody, SourceFinder } from "../../src/core/source.ts";
import { RIGHT, WRONG } from "./memory-store.ts";
import { STEP_MS, type SimulatedBox, type SimulatedMirror } from "./simulated-lan.ts";

/** What upstream brings in one step, in bytes. */
const FROM_UPSTREAM = 1;
/** To the first byte. */
const FIRST_BYTE_MS = 40;
/** A server that is silent so long in a body is left for the next. */
const STALL_MS = 30_000;

/** The mirrors as sources for one box. */
export class SimulatedUpstream implements SourceFinder {
  readonly #box: SimulatedBox;

  constructor(box: SimulatedBox) {
    this.#box = box;
  }

  async *sources(): AsyncGenerator<Source> {
    for (const mirror of this.#box.lan.mirrors) {
      yield { kind: "upstream", label: mirror.name, open: (options) => this.#open(mirror, options), blame: () => {} };
    }
  }

  async #open(mirror: SimulatedMirror, { offset, signal }: OpenOptions): Promise<SourceBody> {
    await this.#box.lan.claims.sleep(FIRST_BYTE_MS, signal);
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
      for (let [position, silentMs] = [offset, 0]; position < lan.size; silentMs += STEP_MS) {
        await lan.claims.sleep(STEP_MS, signal);
        if (silentMs >= STALL_MS) throw new SourceError("STALLED", "is silent");
        if (lan.silent.has(box)) continue;
        lan.upstreamGave(box, { isFirst: position === offset });
        yield Buffer.alloc(FROM_UPSTREAM, position === wrongAt ? WRONG : RIGHT);
        position += FROM_UPSTREAM;
        silentMs = 0;
      }
    } finally {
      box.isAtUpstream = false;
    }
  }
}
