import { SourceError } from "../core/errors.ts";

/**
 * Fewer bytes than the other one gives in so many milliseconds, within these bounds, prove nothing: so much may come out of
 * buffers at once.
 */
const LEAST = { ms: 25, atLeast: 64 * 1024, atMost: 2 ** 20 };
/** So many are held, in memory, until it is clear who is faster; so much a race may cost. */
const MOST = { ms: 100, atLeast: 256 * 1024, atMost: 4 * 2 ** 20 };
/** Who is less than so many times as fast as the one that gives is not worth the change. */
const TIMES_FASTER = 2;

/** What a trial is judged by. */
export interface TrialFacts {
  /** Bytes that the newcomer brought, and those that it is still to bring. */
  readonly brought: number;
  readonly missing: number;
  /** Bytes that the other one brought since the newcomer was asked. */
  readonly otherBrought: number;
  /** Bytes a second that it gave before. */
  readonly otherRate: number;
  /** Nothing more comes from the other one. */
  readonly isOtherOver: boolean;
}

/** Who is faster: the newcomer (`won`), the other one (`lost`), or neither by now (`open`). */
export function verdict(facts: TrialFacts): "won" | "lost" | "open" {
  const { brought, missing, otherBrought, otherRate, isOtherOver } = facts;
  if (isOtherOver || missing === 0) return "won";
  if (brought >= bytesOf(LEAST, otherRate) && brought >= TIMES_FASTER * otherBrought) return "won";
  return brought >= bytesOf(MOST, otherRate) ? "lost" : "open";
}

function bytesOf({ ms, atLeast, atMost }: typeof LEAST, rate: number): number {
  return Math.min(Math.max((ms * rate) / 1000, atLeast), atMost);
}

/** The source that a newcomer is raced against, as the newcomer sees it. */
export interface Opponent {
  /** Bytes a second that it gave before the newcomer was asked. */
  readonly rate: number;
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
    const judged = verdict({
      brought,
      missing: size - offset - brought,
      otherBrought: copy.received - offset,
      otherRate: opponent.rate,
      isOtherOver: opponent.isOver(),
    });
    if (judged === "lost") throw opponent.prevailed();
    if (judged === "open") continue;
    await opponent.outpaced();
    yield* held;
    held = undefined;
  }
}
