/** Request fields, name and value in turn, without those with these (lower-case) names. */
export function withoutFields(headers: readonly string[], names: ReadonlySet<string>): string[] {
  return headers.flatMap((name, i) =>
    i % 2 === 1 || names.has(name.toLowerCase()) ? [] : [name, headers[i + 1] ?? ""],
  );
}

/** Of request fields, name and value in turn, the values of those with this (lower-case) name. */
export function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === name);
}
