/** Header fields as `IncomingMessage.rawHeaders` has them: name and value in turn. */
type Fields = readonly string[];

/** The fields without those with these (lower-case) names. */
export function withoutFields(fields: Fields, names: ReadonlySet<string>): string[] {
  return filtered(fields, (name) => !names.has(name));
}

/** Of the fields those with these (lower-case) names. */
export function onlyFields(fields: Fields, names: ReadonlySet<string>): string[] {
  return filtered(fields, (name) => names.has(name));
}

/** The values of the fields with this (lower-case) name. */
export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter((_, i) => i % 2 === 1 && fields[i - 1]!.toLowerCase() === name);
}

function filtered(fields: Fields, isKept: (name: string) => boolean): string[] {
  return fields.flatMap((name, i) => (i % 2 === 0 && isKept(name.toLowerCase()) ? [name, fields[i + 1] ?? ""] : []));
}
