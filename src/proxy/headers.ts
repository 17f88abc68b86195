/** Fields that concern one connection only and are never sent on (RFC 9110, 7.6.1; `proxy-connection` is wget's). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Fields in pairs, without the hop-by-hop ones and those that `Connection` names, and without `also`. */
export function endToEnd(rawHeaders: readonly string[], also: readonly string[] = []): string[] {
  const dropped = new Set([...HOP_BY_HOP, ...connectionNames(rawHeaders), ...also]);
  return pairs(rawHeaders).flatMap(([name, value]) => (dropped.has(name.toLowerCase()) ? [] : [name, value]));
}

/** Of fields in pairs, those with these (lower-case) names. */
export function pick(rawHeaders: readonly string[], names: readonly string[]): string[] {
  return pairs(rawHeaders).flatMap(([name, value]) => (names.includes(name.toLowerCase()) ? [name, value] : []));
}

function connectionNames(rawHeaders: readonly string[]): string[] {
  return pairs(rawHeaders)
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.split(","))
    .map((name) => name.trim().toLowerCase());
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as [string, string]] : []));
}
