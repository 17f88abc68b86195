import type { DistfileIndex } from "../core/distfile-index.ts";
import type { Distfile } from "../core/distfile.ts";
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

  constructor(components: ForwardDoorComponents) {
    this.#components = components;
  }

  /** Answers one request. Throws what went wrong; the answer may have begun. */
  async answer(exchange: Exchange, url: URL): Promise<void> {
    const { request } = exchange;
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
      headers: endToEnd(request.rawHeaders, ["host"]),
      ...(hasBody ? { body: request } : {}),
      signal,
      // An https redirect handed to wget would lead it around the proxy: the bytes would be lost to this box.
      followRedirects: candidates.length > 0,
    });
    await this.#components.pass.answer(exchange, asking, candidates);
  }
}
