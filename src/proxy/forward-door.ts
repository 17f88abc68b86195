import type { DistfileIndex } from "../core/distfile-index.ts";
import type { Distfile } from "../core/distfile.ts";
import { DistswarmError } from "../core/errors.ts";
import type { Upstream } from "../core/upstream.ts";
import { lastSegment } from "../retrieve/mirror-url.ts";
import type { Resolver } from "../retrieve/resolver.ts";
import { endToEnd } from "./headers.ts";
import type { MirrorDoor } from "./mirror-door.ts";
import type { PassDoor } from "./pass-door.ts";
import type { Exchange } from "./reply.ts";

/** What the forward proxy uses. */
export interface ForwardDoorComponents {
  readonly index: DistfileIndex;
  readonly resolver: Resolver;
  readonly upstream: Upstream;
  readonly mirror: MirrorDoor;
  readonly pass: PassDoor;
}

/**
 * The agent as an HTTP proxy. A URL that certainly means a distfile is answered as one; everything else, of any method,
 * passes through untouched.
 */
export class ForwardDoor {
  readonly #components: ForwardDoorComponents;
  readonly #via: string;

  /** `via` is this agent's own `Via` entry: who meets it in a request is in a loop. */
  constructor(components: ForwardDoorComponents, init: { via: string }) {
    this.#components = components;
    this.#via = init.via;
  }

  /**
   * Answers one request. Throws what went wrong; the answer may have begun.
   *
   * @throws {DistswarmError} `LOOP` when the request has passed here before.
   */
  async answer(exchange: Exchange, url: URL): Promise<void> {
    const { request } = exchange;
    if ((request.headers.via ?? "").includes(this.#via)) throw loop(url);
    const isRead = request.method === "GET" || request.method === "HEAD";
    const name = isRead ? await this.#components.resolver.nameInUrl(url) : undefined;
    if (name !== undefined) return this.#components.mirror.answerName(exchange, name, url.href);
    await this.#passThrough(exchange, url, isRead ? await this.#candidates(url) : []);
  }

  /** The end of any other URL proves nothing, but its bytes may turn out to be a known distfile. */
  async #candidates(url: URL): Promise<Distfile[]> {
    const last = lastSegment(url);
    return last === undefined ? [] : this.#components.index.byName(last);
  }

  async #passThrough(exchange: Exchange, url: URL, candidates: readonly Distfile[]): Promise<void> {
    const { request, signal } = exchange;
    const { method = "GET" } = request;
    const hasBody =
      request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
    const asking = this.#components.upstream.forward({
      method,
      url: url.href,
      headers: [...endToEnd(request.rawHeaders, ["host"]), "Via", `${request.httpVersion} ${this.#via}`],
      ...(hasBody ? { body: request } : {}),
      signal,
      // An https redirect handed to wget would lead it around the proxy: the bytes would be lost to this box.
      followRedirects: candidates.length > 0,
    });
    await this.#components.pass.answer(exchange, asking, candidates);
  }
}

function loop(url: URL): DistswarmError {
  return new DistswarmError(
    "LOOP",
    `this request for ${url.href} has passed here before: a proxy or mirror points back`,
  );
}
