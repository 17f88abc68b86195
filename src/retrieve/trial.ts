import { SourceError } from "../core/errors.ts";

/** Fewer bytes prove nothing: so much may come out of buffers at once. */
const LEAST_BYTES = 64 * 1024;
/** So many are held, in memory, until it is clear who is faster; so much a race may cost. */
const MOST_BYTES = 256 * 1024;
/** Who is less than so many times as fast as the one that gives is not worth the change. */
const TIMES_FASTER = 2;

/** What a trial is judged by. */
export interface TrialFacts {
  /** Bytes that the newcomer brought, and those that it is still to bring. */
  readonly brought: number;
  readonly missing: number;
  /** Bytes that the other one brought since the newcomer was asked. */
  readonly otherBrought: number;
  /** Nothing more comes from the other one. */
  readonly isOtherOver: boolean;
}

/** Who is faster: the newcomer (`won`), the other one (`lost`), or neither by now (`open`). */
export function verdict({ brought, missing, otherBrought, isOtherOver }: TrialFacts): "won" | "lost" | "open" {
  if (isOtherOver || missing === 0) return "won";
  if (brought >= LEAST_BYTES && brought >= TIMES_FASTER * otherBrought) return "won";
  return brought >= MOST_BYTES ? "lost" : "open";
}

/** The source that a newcomer is raced against, as the newcomer sees it. */
export interface Opponent {
  /** The newcomer is about to be asked: its time begins. */
  asked(): void;
  /** Nothing more comes from it. */
  isOver(): boolean;
  /** The newcomer was faster: ends it, and resolves when nothing more comes from it. */
  outpaced(): Promise<void>;
  /** The newcomer is no faster: ends that. @returns why, to be thrown */
  prevailed(): Error;
}

/** What a trial is about. */
interface Trial {
  /** The byte at which the newcomer was asked, and the size of the whole. */
  readonly offset: number;
  readonly size: number;
  /** The copy that both fill, and the bytes that are there. */
  readonly copy: { readonly received: number };
  readonly opponent: Opponent;
}

/**
 * What a newcomer brings: held back until it has proved faster than the one that goes on to fill the copy meanwhile; then,
 * from the byte on that the copy has reached.
 */
export async function* onTrial(bytes: AsyncIterable<Buffer>, trial: Trial): AsyncGenerator<Buffer> {
  const { offset, copy } = trial;
  let there: number | undefined;
  for await (const chunk of heldBack(bytes, trial)) {
    there ??= copy.received - offset;
    if (there < 0) throw new SourceError("BROKEN", "what it was to go on with was dropped");
    const skipped = Math.min(there, chunk.length);
    there -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}

async function* heldBack(bytes: AsyncIterable<Buffer>, trial: Trial): AsyncGenerator<Buffer> {
  const { offset, size, copy, opponent } = trial;
  let held: Buffer[] | undefined = [];
  let brought = 0;
  for await (const chunk of bytes) {
    if (held === undefined) {
      yield chunk;
      continue;
    }
    held.push(Buffer.from(chunk)); // it is only lent
    brought += chunk.length;
    const facts = { brought, missing: size - offset - brought, otherBrought: copy.received - offset };
    const judged = verdict({ ...facts, isOtherOver: opponent.isOver() });
    if (judged === "lost") throw opponent.prevailed();
    if (judged === "open") continue;
    await opponent.outpaced();
    yield* held;
    held = undefined;
  }
}
