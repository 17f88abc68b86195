import { createHash } from "node:crypto";

/** A claim as it is weighed against another of the same subject. */
interface WeighedClaim {
  /** The box that claims, 64 hex characters. */
  readonly id: string;
  /** How often all sources of the box have failed for this subject lately. */
  readonly failures: number;
  /** Bytes that it had when it claimed, or that other boxes have given it since, before upstream did. */
  readonly base: number;
  /** Upstream has given it bytes since, and it has not fallen silent. */
  readonly isProven: boolean;
}

/** A claim of this box. */
export interface OwnWeighedClaim extends WeighedClaim {
  /** It was told to all, and has brought nothing for longer than the others wait. */
  readonly isSilent: boolean;
}

/**
 * Whether this box lets go of its claim for another one's. A claim to which upstream gives bytes beats one to which it does
 * not; then the one whose box has failed less often wins; then the one that began with more bytes; then the lower hash.
 * A silent claim is kept until upstream gives bytes to another one: its mirror may only be slow, and may be the only one
 * that has the blob.
 *
 * Both sides judge alike, and what they judge by only grows: never do both let go, and once each knows what the other
 * told, one does.
 */
export function yieldsTo(subject: string, own: OwnWeighedClaim, rival: WeighedClaim): boolean {
  if (own.isProven !== rival.isProven) return rival.isProven;
  if (own.isSilent && !rival.isProven) return false;
  if (own.failures !== rival.failures) return rival.failures < own.failures;
  if (own.base !== rival.base) return rival.base > own.base;
  return rankOf(subject, rival.id) < rankOf(subject, own.id);
}

/** Whether the numbers of a claim can be true of a blob of `size` bytes: who has all of it claims nothing. */
export function isPossible(
  { base, received }: { readonly base: number; readonly received: number },
  size: number,
): boolean {
  return base < size && received <= size;
}

/** The lower one wins; another box for each subject, and nobody can say beforehand which. */
function rankOf(subject: string, id: string): string {
  return createHash("blake2b512").update(subject).update(Buffer.from(id, "hex")).digest("hex");
}
