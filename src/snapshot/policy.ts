import { createHash } from "node:crypto";

/** The one date to pull in the background: the newest announced that was not tried yet, if it is newer than all held. */
export function dateToPull(
  announced: readonly string[],
  held: readonly string[],
  tried: ReadonlySet<string> = new Set(),
): string | undefined {
  const newest = announced
    .filter((date) => !tried.has(date))
    .toSorted()
    .at(-1);
  return newest !== undefined && held.every((date) => date < newest) ? newest : undefined;
}

/**
 * The box that is to do what one box of the LAN shall do: the same answer everywhere for the same topic and ids. Put the
 * time into the topic, lest it be one that cannot for ever.
 */
export function electedFor(topic: string, ids: readonly string[]): string | undefined {
  const rank = (id: string): string => createHash("blake2b512").update(`${topic} ${id}`).digest("hex");
  return ids.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))[0];
}
