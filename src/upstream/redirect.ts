import { SourceError } from "../core/errors.ts";
import { withoutCredentials } from "../core/net/credentials.ts";
import { withoutFields } from "../core/net/header-fields.ts";
import { hostOf } from "../core/net/host.ts";
import { isInside } from "../core/net/inside.ts";

/** Redirects followed for one request; more is taken for a circle. */
const MAX_REDIRECTS = 10;
/** The answers that name another place for the same GET or HEAD (RFC 9110, 15.4). */
const REDIRECTS = new Set([300, 301, 302, 303, 307, 308]);
/** Fields that are for the asked host's eyes only. */
const PRIVATE_FIELDS = new Set(["authorization", "cookie"]);

/** The way that one request has gone so far. */
export class RedirectChain {
  readonly #seen: Set<string>;
  #redirects = 0;

  constructor(start: URL) {
    this.#seen = new Set([start.href]);
  }

  /**
   * Where an answer from `from` sends us; undefined when it is no redirect. `isNewVisitor`: it set a cookie, so that the same
   * place may say something else now.
   *
   * @throws {SourceError} `BAD_REDIRECT`: too many, a circle, not http(s), or down from https to http.
   */
  next(from: URL, status: number, location: string | undefined, isNewVisitor = false): URL | undefined {
    if (!REDIRECTS.has(status) || location === undefined) return undefined;
    if (isNewVisitor) this.#seen.clear();
    const reference = location.replace(/[\x80-\xff]/g, quoteByte);
    const to = URL.canParse(reference, from.href) ? new URL(reference, from) : undefined;
    const problem = to === undefined ? "to what is no URL" : this.#problem(from, to);
    if (to === undefined || problem !== undefined) {
      throw new SourceError("BAD_REDIRECT", `${withoutCredentials(from.href)} redirects ${problem}: ${location}`, {
        status,
      });
    }
    if (to.origin === from.origin && to.username === "") [to.username, to.password] = [from.username, from.password];
    this.#redirects += 1;
    this.#seen.add(to.href);
    return to;
  }

  #problem(from: URL, to: URL): string | undefined {
    if (to.protocol !== "http:" && to.protocol !== "https:") return "to what is neither http nor https";
    if (from.protocol === "https:" && to.protocol === "http:") return "from https down to http";
    if (this.#seen.has(to.href)) return "in a circle";
    if (this.#redirects >= MAX_REDIRECTS) return `on after ${MAX_REDIRECTS} redirects`;
    return undefined;
  }
}

/** A byte above 127 as a URL has it; the URL class would take it for a character, and quote that one's UTF-8. */
function quoteByte(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** The request fields to send on after a redirect: another origin is not told what was meant for the first one. */
export function fieldsAfterRedirect(headers: readonly string[], from: URL, to: URL): readonly string[] {
  return from.origin === to.origin ? headers : withoutFields(headers, PRIVATE_FIELDS);
}

/**
 * Whether a redirect is another one's wish, which leads to nothing that is for this box alone: a server outside, or whoever
 * answers in its place, could have the agent ask what trusts the loopback.
 */
export function isByStranger(from: URL, to: URL): boolean {
  return hostOf(from) !== hostOf(to) && !isInside(hostOf(from));
}
