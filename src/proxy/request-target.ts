import { DistswarmError } from "../core/errors.ts";

/** By which door a request comes in, from its request line (RFC 9112, 3.2). */
export type RequestTarget =
  | { readonly door: "mirror"; readonly path: string }
  /**
   * `path`: path and query as they were sent. Where `url` has others, its class made sense of dots and odd characters.
   */
  | { readonly door: "forward"; readonly url: URL; readonly path: string }
  | { readonly door: "unsupported"; readonly scheme: string };

/** Tells whether a URL is this agent itself: its doors, by any of their names. */
export type IsOwn = (url: URL) => boolean;

/**
 * Scheme and authority; URL would take the first part of the path for a missing authority, and a backslash for its end.
 */
const ABSOLUTE_FORM = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i;

/**
 * Reads a request target in origin form (mirror door) or absolute form (forward proxy). The agent's own address in
 * absolute form is the mirror door: what wget sends when both `http_proxy` and the mirror point here.
 *
 * @throws {DistswarmError} `INVALID_REQUEST` when it is neither.
 */
export function parseRequestTarget(target: string, isOwn: IsOwn): RequestTarget {
  if (target.startsWith("/")) return { door: "mirror", path: target };
  const [, asSent = "", authority = ""] = ABSOLUTE_FORM.exec(target) ?? [];
  if (authority === "" || authority.includes("\\")) throw invalidTarget(target);
  const scheme = asSent.toLowerCase();
  if (scheme !== "http" && scheme !== "https") return { door: "unsupported", scheme };
  if (!URL.canParse(target)) throw invalidTarget(target);
  const url = new URL(target);
  const path = pathOf(target);
  return isOwn(url) ? { door: "mirror", path } : { door: "forward", url, path };
}

/** The path as it was sent: a URL object would have resolved its dots. */
function pathOf(target: string): string {
  const path = target.replace(/^[^:]+:\/\/[^/?#]*/, "").replace(/#.*$/, "");
  return path.startsWith("/") ? path : `/${path}`;
}

function invalidTarget(target: string): DistswarmError {
  return new DistswarmError("INVALID_REQUEST", `neither a path nor an absolute http URL: ${target.slice(0, 200)}`);
}

/** The host and port of a CONNECT request (`gentoo.org:443`, `[::1]:443`). */
export interface Authority {
  readonly host: string;
  readonly port: number;
}

const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([^:/?#@[\]]+)):(\d{1,5})$/i;

/** @throws {DistswarmError} `INVALID_REQUEST` when it is not `host:port`. */
export function parseAuthority(target: string): Authority {
  const [, v6, name, port] = AUTHORITY.exec(target) ?? [];
  const host = v6 ?? name;
  if (host === undefined || Number(port) === 0 || !URL.canParse(`https://${target}`)) {
    throw new DistswarmError("INVALID_REQUEST", `CONNECT takes host:port, not ${target.slice(0, 200)}`);
  }
  return { host, port: Number(port) };
}
