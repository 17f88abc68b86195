import type { DistfileIndex } from "../core/distfile-index.ts";
import type { Distfile } from "../core/distfile.ts";
import { DistswarmError, hasCode } from "../core/errors.ts";
import type { Upstream } from "../core/upstream.ts";
import { lastSegment, snapshotName } from "../retrieve/mirror-url.ts";
import type { Resolution, Resolver } from "../retrieve/resolver.ts";
import { endToEnd } from "./end-to-end.ts";
import type { BlobDoor } from "./blob-door.ts";
import { isGuest } from "./own-address.ts";
import type { PassDoor } from "./pass-door.ts";
import type { Exchange } from "./reply.ts";
import type { RequestTarget } from "./request-target.ts";
import type { SnapshotDoor } from "./snapshot-door.ts";

/** What the forward proxy uses. */
interface ForwardDoorComponents {
  readonly index: DistfileIndex;
  readonly resolver: Resolver;
  readonly upstream: Upstream;
  readonly blobs: BlobDoor;
  readonly snapshots: SnapshotDoor;
  readonly pass: PassDoor;
}

/** What a client asks the proxy for. */
type ForwardTarget = Omit<Extract<RequestTarget, { door: "forward" }>, "door">;

/**
 * The agent as an HTTP proxy. A URL that certainly means a distfile, or a file of a tree snapshot, is answered as one;
 * everything else, of any method, passes through untouched.
 */
export class ForwardDoor {
  readonly #components: ForwardDoorComponents;

  constructor(components: ForwardDoorComponents) {
    this.#components = components;
  }

  /** Answers one request. Throws what went wrong; the answer may have begun. */
  async answer(exchange: Exchange, target: ForwardTarget): Promise<void> {
    const { method } = exchange.request;
    const isRead = method === "GET" || method === "HEAD";
    if (isRead && isPlain(target) && (await this.#answerKnown(exchange, target.url))) return;
    await this.#passThrough(exchange, target, isRead ? await this.#candidates(target.url) : []);
  }

  /** Answers what certainly means a file that we know; false when the request is to pass through. */
  async #answerKnown(exchange: Exchange, url: URL): Promise<boolean> {
    const name = await this.#components.resolver.nameInUrl(url);
    const resolution = name === undefined ? undefined : await this.#resolve(name, url);
    if (resolution?.kind !== "known") return this.#answerSnapshot(exchange, url);
    await this.#components.blobs.answer(exchange, resolution.want);
    return true;
  }

  /**
   * What a name in a URL stands for; undefined while the Manifests are still being read. Then it passes through: wget
   * does not try a 503 again, and as every other URI of the file comes here, too, it would end the build.
   */
  async #resolve(name: string, url: URL): Promise<Resolution | undefined> {
    try {
      return await this.#components.resolver.byName(name, [url.href]);
    } catch (error) {
      if (hasCode(error, "INDEX_NOT_READY")) return undefined;
      throw error;
    }
  }

  /**
   * Answers `/snapshots/<name>` of one of our mirrors, or right below the root of any server, where Gentoo's mirrors
   * have it; false when the request is to pass through. A server that is none of ours is asked itself where ours could
   * not help.
   */
  async #answerSnapshot(exchange: Exchange, url: URL): Promise<boolean> {
    const { upstream, snapshots } = this.#components;
    const name = snapshotName(url);
    const isOurs = upstream.isMirror(url);
    if (name === undefined || !(isOurs || url.pathname.lastIndexOf("/snapshots/") === 0)) return false;
    try {
      return await snapshots.answer(exchange, name);
    } catch (error) {
      if (isOurs || exchange.response.headersSent || !(error instanceof DistswarmError)) throw error;
      return false;
    }
  }

  /** The end of any other URL proves nothing, but its bytes may turn out to be a known distfile. */
  async #candidates(url: URL): Promise<Distfile[]> {
    const last = lastSegment(url);
    return last === undefined ? [] : this.#components.index.byName(last);
  }

  async #passThrough(exchange: Exchange, { url, path }: ForwardTarget, candidates: readonly Distfile[]): Promise<void> {
    const { request, signal } = exchange;
    const { method = "GET" } = request;
    const hasBody =
      request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
    const asking = this.#components.upstream.forward({
      method,
      url: url.href,
      path,
      headers: endToEnd(request.rawHeaders, ["host"]),
      ...(hasBody ? { body: request } : {}),
      signal,
      isGuest: isGuest(exchange),
      // An https redirect handed to wget would lead it around the proxy: the bytes would be lost to this box.
      followRedirects: candidates.length > 0,
    });
    await this.#components.pass.answer(exchange, asking, candidates);
  }
}

/** Whether a URL means the same to everybody: dots that a URL class resolves are a server's own business. */
function isPlain({ url, path }: ForwardTarget): boolean {
  return path === url.pathname + url.search;
}
