import { createRequire } from "node:module";
import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import type * as Undici from "undici";
import { SourceError } from "../core/errors.ts";
import { hostOf } from "../core/net/host.ts";
import { insideReason, isInside, outsideOnly } from "../core/net/inside.ts";
import { closable } from "./connector.ts";
import { proxyAuthorization } from "./dial.ts";
import type { HostNames } from "./host-names.ts";
import { proxyBypass, type ProxyBypass } from "./no-proxy.ts";
import { patient } from "./patience.ts";
import { TrustedCertificates } from "./trusted-certificates.ts";
import { tunnelConnector } from "./tunnel.ts";

/** How the agent reaches the servers outside. */
export interface ConnectionOptions {
  /** URL of a proxy to go through, with user and password if it wants them. @default none */
  readonly proxy?: string;
  /** What is reached without that proxy (see {@link proxyBypass}). @default nothing */
  readonly noProxy?: readonly string[];
  /** Whose word for an https server is taken. @default of those that Node and the system trust */
  readonly trusted?: TrustedCertificates;
  /** How long a connection may take to come about, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly names: HostNames;
}

/** The part of a request that depends on the way it goes. */
interface Route {
  readonly dispatcher: Undici.Dispatcher;
  readonly origin: string;
  readonly path: string;
  /** Fields that the way needs, name and value in turn. */
  readonly headers: readonly string[];
}

const require = createRequire(import.meta.url);

/** Connections to one server (or to the proxy) at once; more requests wait for a free one. */
const MAX_CONNECTIONS = 32;

/** Bytes of an answer's header fields together: as wget takes. undici's 16 KiB are less than some set in cookies. */
const MAX_HEADER_BYTES = 64 * 1024;

/** The pools of connections outside, and which of them a URL takes: straight, or through the proxy. */
export class Connections {
  readonly #proxy: URL | undefined;
  readonly #isBypassed: ProxyBypass;
  readonly #direct: Undici.Agent;
  /** The same for clients on other boxes. */
  readonly #forGuests: Undici.Agent;
  readonly #tunnelled: Undici.Agent | undefined;

  private constructor(undici: typeof Undici, options: ConnectionOptions) {
    const { connectTimeoutMs: timeoutMs, names, trusted = new TrustedCertificates() } = options;
    const pool = { connections: MAX_CONNECTIONS, maxHeaderSize: MAX_HEADER_BYTES };
    const connectBy = (lookup: LookupFunction) =>
      whenLookedUp(names, connectorBy(undici, { timeout: timeoutMs, lookup }, trusted));
    const connect = connectBy(names.lookup);
    this.#isBypassed = proxyBypass(options.noProxy ?? []);
    this.#direct = new undici.Agent({ ...pool, connect });
    this.#forGuests = new undici.Agent({ ...pool, connect: connectBy(outsideOnly(names.lookup)) });
    if (options.proxy === undefined) return;
    this.#proxy = new URL(options.proxy);
    const tunnel = tunnelConnector(this.#proxy, { timeoutMs, names, trusted, secure: connect });
    this.#tunnelled = new undici.Agent({ ...pool, connect: tunnel });
  }

  /**
   * Loads undici, which takes as long as the rest of the agent to start: call it when there is something to ask. Throws what
   * keeps it from being read; another call may succeed. (`import()` fails for good where it failed once.)
   */
  static load(options: ConnectionOptions): Connections {
    checkWebAssembly();
    return new Connections(require("undici") as typeof Undici, options);
  }

  /**
   * The way that a request for `url` takes: through the proxy, http in absolute form and https by CONNECT. `path`: path
   * and query as they are to be sent.
   *
   * @throws {SourceError} `REFUSED` for a guest that asks for what is for this box alone; one that does so by a name is
   * refused when the name has been looked up.
   */
  routeTo(url: URL, path = url.pathname + url.search, { isGuest = false } = {}): Route {
    if (isGuest && isInside(hostOf(url))) throw new SourceError("REFUSED", `${url.href}: ${insideReason(hostOf(url))}`);
    const straight = { origin: url.origin, path, headers: [] };
    const proxy = this.#proxyFor(url);
    if (proxy === undefined) return { dispatcher: isGuest ? this.#forGuests : this.#direct, ...straight };
    if (url.protocol === "https:") return { dispatcher: this.#tunnelled ?? this.#direct, ...straight };
    const headers = ["Host", url.host, ...proxyAuthorization(proxy)];
    return { dispatcher: this.#direct, origin: proxy.origin, path: straight.origin + straight.path, headers };
  }

  /** Closes all of them, those in use too. */
  async close(): Promise<void> {
    await Promise.all([this.#direct.destroy(), this.#forGuests.destroy(), this.#tunnelled?.destroy()]);
  }

  #proxyFor(url: URL): URL | undefined {
    return this.#proxy === undefined || this.#isBypassed(url) ? undefined : this.#proxy;
  }
}

/** The same connector, whose time begins when the host is looked up. Inside a tunnel there is nothing to look up. */
function whenLookedUp(names: HostNames, connect: Undici.buildConnector.connector): Undici.buildConnector.connector {
  return (target, connected) => {
    if (target.httpSocket !== undefined) return connect(target, connected);
    names.ready(target.hostname).then(
      () => connect(target, connected),
      (error: Error) => connected(error, null),
    );
  };
}

/** One of undici's connectors, whose trust in certificates is that of the moment. */
function connectorBy(
  undici: typeof Undici,
  options: Undici.buildConnector.BuildOptions,
  trusted: TrustedCertificates,
): Undici.buildConnector.connector {
  const connectWith = (more: Undici.buildConnector.BuildOptions): Undici.buildConnector.connector =>
    closable(patient((attempts) => undici.buildConnector({ ...options, ...more, ...attempts })));
  const plain = connectWith({});
  let secure: { readonly context: SecureContext; readonly connect: Undici.buildConnector.connector } | undefined;
  return (target, connected) => {
    if (target.protocol !== "https:") return plain(target, connected);
    const { secureContext } = trusted;
    if (secure?.context !== secureContext) {
      secure = { context: secureContext, connect: connectWith({ secureContext }) };
    }
    secure.connect(target, connected);
  };
}

/**
 * Throws where undici's parser, which is WebAssembly, could not run: where there is none of it, or no memory, as V8 reserves
 * some 10 GiB of addresses for each. undici may end the process then, instead of failing.
 */
function checkWebAssembly(): void {
  if (typeof WebAssembly === "undefined") {
    throw new Error("Node's HTTP client needs WebAssembly: start the agent without --jitless (see NODE_OPTIONS)");
  }
  try {
    void new WebAssembly.Memory({ initial: 1 });
  } catch (error) {
    const mend = "lift ulimit -v, or start the agent with NODE_OPTIONS=--disable-wasm-trap-handler";
    throw new Error(`too little address space for Node's HTTP client: ${mend}`, { cause: error });
  }
}
