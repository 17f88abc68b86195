/** Request fields, name and value in turn, without those with these (lower-case) names. */
export function withoutFields(headers: readonly string[], names: ReadonlySet<string>): string[] {
  return headers.flatMap((name, i) =>
    i % 2 === 1 || names.has(name.toLowerCase()) ? [] : [name, headers[i + 1] ?? ""],
  );
}
