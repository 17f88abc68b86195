import { basicCredentials, withoutCredentials } from "../core/net/credentials.ts";
import { viaOf } from "../core/net/agent-names.ts";
import { SourceError } from "../core/errors.ts";
import { valuesOf, withoutFields } from "../core/net/header-fields.ts";
import type { ForwardRequest, UpstreamAnswer } from "../core/upstream.ts";
import { ChainCookies } from "./chain-cookies.ts";
import { Connections, type ConnectionOptions } from "./connections.ts";
import { wasKept } from "./connector.ts";
import { exchange } from "./exchange.ts";
import { HostNames } from "./host-names.ts";
import { faultOf } from "./http-fault.ts";
import { letGo } from "./let-go.ts";
import { RedirectChain, fieldsAfterRedirect, isByStranger } from "./redirect.ts";

/** One request to a server outside; nothing but `Host`, `Via` and what the body needs is added to its fields. */
export interface HttpRequest extends ForwardRequest {
  /**
   * Milliseconds that the server may take before its headers, and between two chunks of its body. @default the client's
   */
  readonly patienceMs?: number;
}

/** How the client gets out, and how long it waits. */
export interface HttpClientOptions extends Omit<ConnectionOptions, "connectTimeoutMs" | "names"> {
  /** A server that has sent no headers by then has failed. Milliseconds. @default 10 s */
  readonly headerTimeoutMs?: number;
  /** A body that is silent for this long has failed. Milliseconds. @default 30 s */
  readonly stallTimeoutMs?: number;
  /** The name of this agent in the `Via` field of its requests. @default no such field */
  readonly via?: string;
}

const DEFAULT_HEADER_TIMEOUT_MS = 10_000;
const DEFAULT_STALL_TIMEOUT_MS = 30_000;
/** Fields that the client makes itself (Host, from the URL) or that undici refuses to send. */
const OWN_FIELDS = new Set(["host", "connection", "keep-alive", "transfer-encoding", "upgrade", "expect"]);

/** A client for http and https that tells every failure as a {@link SourceError}. Certificates are checked. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  #connections: Connections | undefined;
  readonly #timeouts: { headersTimeout: number; bodyTimeout: number };
  readonly #via: readonly string[];

  constructor(options: HttpClientOptions = {}) {
    const headersTimeout = options.headerTimeoutMs ?? DEFAULT_HEADER_TIMEOUT_MS;
    this.#timeouts = { headersTimeout, bodyTimeout: options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS };
    this.#options = options;
    this.#via = options.via === undefined ? [] : ["Via", viaOf(options.via)];
  }

  /**
   * Sends a request and resolves with the answer's headers, whatever its status. The body must be read or destroyed.
   * When `signal` aborts, before or in the body, its reason is thrown.
   *
   * @throws {SourceError} `REFUSED`, `HEADER_TIMEOUT`, `UNTRUSTED`, `BAD_REDIRECT`, `BAD_STATUS` when the answer is not
   * HTTP. The body errors with `BROKEN` or `STALLED`.
   */
  async request(request: HttpRequest): Promise<UpstreamAnswer> {
    const start = new URL(request.url);
    const follow = request.followRedirects === true && ["GET", "HEAD"].includes(request.method);
    return follow ? this.#follow(request, start) : this.#once(request, start, request.path);
  }

  /** Closes every connection; what is under way fails. */
  async close(): Promise<void> {
    await this.#connections?.close();
  }

  #opened(): Connections {
    const connectTimeoutMs = this.#timeouts.headersTimeout;
    return (this.#connections ??= Connections.load({ ...this.#options, connectTimeoutMs, names: new HostNames() }));
  }

  async #follow(request: HttpRequest, start: URL): Promise<UpstreamAnswer> {
    const chain = new RedirectChain(start);
    const cookies = new ChainCookies();
    const deadline = performance.now() + this.#timeoutsOf(request).headersTimeout;
    for (let url = start, path = request.path, { headers, isGuest = false } = request; ;) {
      const fields = [...headers, ...cookies.fieldFor(url, headers)];
      const answer = await this.#once({ ...request, headers: fields, isGuest }, url, path);
      const next = nextOf(chain, url, answer, cookies.take(url, answer.headers["set-cookie"]));
      if (next === undefined) return answer;
      if (performance.now() > deadline) {
        throw new SourceError("HEADER_TIMEOUT", `${shown(start)}: redirects, and still no answer in time`);
      }
      headers = fieldsAfterRedirect(headers, url, next);
      isGuest ||= isByStranger(url, next);
      path = undefined;
      url = next;
    }
  }

  #timeoutsOf({ patienceMs }: HttpRequest): { headersTimeout: number; bodyTimeout: number } {
    return patienceMs === undefined ? this.#timeouts : { headersTimeout: patienceMs, bodyTimeout: patienceMs };
  }

  /**
   * `as`: path and query, where they are to go as they are. A server may close a kept connection in the moment of its
   * next use, so who can is sent again, once (RFC 9110, 9.2.2).
   */
  async #once(request: HttpRequest, url: URL, as: string | undefined, isAgain = false): Promise<UpstreamAnswer> {
    const connections = this.#opened();
    request.signal.throwIfAborted();
    const { dispatcher, origin, path, headers } = connections.routeTo(url, as, request);
    const { method, body = null, signal } = request;
    const fields = [
      ...headers,
      ...credentialsFor(url, request),
      ...withoutFields(request.headers, OWN_FIELDS),
      ...this.#via,
    ];
    const timeouts = this.#timeoutsOf(request);
    const options = { origin, path, method, headers: fields, body, ...timeouts };
    let hasBegun = false;
    const begun = (): void => void (hasBegun = true);
    try {
      const init = { signal, url: shown(url), headersTimeout: timeouts.headersTimeout, begun };
      return { ...(await exchange(dispatcher, options, init)), url: shown(url) };
    } catch (error) {
      request.signal.throwIfAborted();
      const mayRepeat = !isAgain && !hasBegun && wasKept(error) && isRepeatable(request);
      if (mayRepeat) return this.#once(request, url, as, true);
      throw faultOf(error, "headers", shown(url));
    }
  }
}

function isRepeatable({ method, body }: HttpRequest): boolean {
  return body === undefined && ["GET", "HEAD"].includes(method);
}

/** What a user and password in the URL come to, as in that of a mirror that is not for all. */
function credentialsFor(url: URL, { headers }: HttpRequest): readonly string[] {
  const credentials = basicCredentials(url);
  return credentials === undefined || valuesOf(headers, "authorization").length > 0
    ? []
    : ["Authorization", credentials];
}

function shown({ href }: URL): string {
  return withoutCredentials(href);
}

/** Lets go of a redirect's own body, and of the answer altogether when the chain ends here in an error. */
function nextOf(chain: RedirectChain, from: URL, answer: UpstreamAnswer, isNewVisitor: boolean): URL | undefined {
  try {
    const [location] = [answer.headers.location].flat(); // undici gives a list where a server says it twice
    const next = chain.next(from, answer.status, location, isNewVisitor);
    if (next !== undefined) letGo(answer);
    return next;
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}
