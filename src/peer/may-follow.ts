/**
 * Whether a reader that has the bytes up to `start` may read on here. Nobody is ever ahead of the box that it reads from;
 * so when a reader is only let in by a box that is ahead of it, or by one that reads from no box itself (`isRoot`), no
 * circle of boxes that wait for each other can come about, whatever they know of each other.
 */
export function mayFollow(
  { received, isRoot }: { readonly received: number; readonly isRoot: boolean },
  start: number,
): boolean {
  return start < received || (start === received && isRoot);
}
