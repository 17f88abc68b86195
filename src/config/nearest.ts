/** More edits than this, or than this share of the word, and two words have nothing to do with each other. */
const MAX_EDITS = 3;
const MAX_SHARE = 1 / 2;

/** How many characters must be put in, left out or changed to make `b` of `a` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const changed = row[j]! + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(changed, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/**
 * The candidate that was probably meant by `word`: the same last part after a dot (`max_size` for `store.max_size`), else
 * the fewest edits away; undefined when none is near.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const last = (key: string) => key.slice(key.lastIndexOf(".") + 1);
  const distance = (key: string) => (last(key) === last(word) ? 0 : editDistance(key, word));
  const [best] = candidates.map((key) => ({ key, distance: distance(key) })).sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.min(MAX_EDITS, word.length * MAX_SHARE) ? best.key : undefined;
}
