import { SourceError } from "../../src/core/errors.ts";
import type { ClaimLan } from "./claim-lan.ts";

/** Bodies bring something so often. */
const STEP_MS = 100;

/** A body of a simulated source. */
interface Steps {
  /** The bytes that it has. */
  readonly from: number;
  readonly to: number;
  /** It is left when it brought nothing for so long. */
  readonly stallMs: number;
  /** What comes in the step at a position; empty: nothing does. */
  readonly next: (position: number) => Promise<Buffer>;
  readonly signal: AbortSignal;
}

/** The bytes of a body, on the clock of the LAN. */
export async function* inSteps(
  claims: Pick<ClaimLan, "sleep">,
  { from, to, stallMs, next, signal }: Steps,
): AsyncGenerator<Buffer> {
  for (let [position, silentMs] = [from, 0]; position < to;) {
    const bytes = await next(position);
    silentMs = bytes.length > 0 ? 0 : silentMs + STEP_MS;
    if (silentMs >= stallMs) throw new SourceError("STALLED", "is silent");
    position += bytes.length;
    if (bytes.length > 0) yield bytes;
    if (position < to) await claims.sleep(STEP_MS, signal);
  }
}
