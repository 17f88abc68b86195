import { valuesOf, withoutFields } from "../core/net/header-fields.ts";

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

/** Fields, name and value in turn, without the hop-by-hop ones and those that `Connection` names, and without `also`. */
export function endToEnd(rawHeaders: readonly string[], also: readonly string[] = []): string[] {
  const named = valuesOf(rawHeaders, "connection").flatMap((value) => value.split(","));
  const dropped = named.map((name) => name.trim().toLowerCase());
  return withoutFields(rawHeaders, new Set([...HOP_BY_HOP, ...dropped, ...also]));
}
