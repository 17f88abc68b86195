/** `1 file`, `2 files`: a count with its noun. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** What is to be said of something, with its name in front where it is not in it. */
export function about(name: string, message: string): string {
  return message.split(/[\s:;,]+/).includes(name) ? message : `${name}: ${message}`;
}

/** A share in whole percent, rounded; `-` of nothing, and 100 % only of what is whole. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return "-";
  const rounded = Math.round((100 * part) / whole);
  return `${part < whole ? Math.min(rounded, 99) : rounded} %`;
}
