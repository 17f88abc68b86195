import type { Distfile } from "../core/distfile.ts";
import { onlyFields } from "../core/net/header-fields.ts";
import type { MirrorRequest, Upstream, UpstreamAnswer } from "../core/upstream.ts";
import type { Resolver } from "../retrieve/resolver.ts";
import type { BlobDoor } from "./blob-door.ts";
import { parseMirrorPath } from "./mirror-path.ts";
import { mayMeanThisBox } from "./own-address.ts";
import type { PassDoor } from "./pass-door.ts";
import { sendPlain, type Exchange } from "./reply.ts";
import type { SnapshotDoor } from "./snapshot-door.ts";

/** What Portage reads first: ask for everything by its digest (GLEP 75; content-hash needs Portage 3.0.15). */
const LAYOUT_CONF = "[structure]\n0=content-hash BLAKE2B 8\n";

/** Fields of the client's request that a mirror is told when it is asked in the client's place. */
const PASSED_FIELDS = new Set([
  "range",
  "if-range",
  "if-modified-since",
  "if-none-match",
  "user-agent",
  "accept",
  "via",
]);

/** Fields by which a mirror would speak for this box. */
const OWN_FIELDS = new Set(["content-security-policy", "set-cookie"]);

const MISDIRECTED = {
  status: 421,
  message: "this page is shown at the box's address, its own name or a name of the LAN only",
};

/** What the mirror door uses. */
interface MirrorDoorComponents {
  readonly resolver: Resolver;
  readonly upstream: Upstream;
  readonly blobs: BlobDoor;
  readonly snapshots: SnapshotDoor;
  readonly pass: PassDoor;
  /** The status page, as HTML. */
  readonly page: () => Promise<string>;
}

/** The agent as a Gentoo mirror: `/distfiles/…` by digest or by name, `/snapshots/…`, and a page for people. */
export class MirrorDoor {
  readonly #components: MirrorDoorComponents;

  constructor(components: MirrorDoorComponents) {
    this.#components = components;
  }

  /** Answers one request. Throws what went wrong before the answer began. */
  async answer(exchange: Exchange, path: string): Promise<void> {
    if (exchange.request.method !== "GET" && exchange.request.method !== "HEAD") {
      return sendPlain(exchange, {
        status: 405,
        message: "a mirror answers GET and HEAD",
        headers: { Allow: "GET, HEAD" },
      });
    }
    const asked = parseMirrorPath(path);
    switch (asked.kind) {
      case "page":
        return this.#answerPage(exchange);
      case "layout":
        return this.#sendText(exchange, "text/plain; charset=utf-8", LAYOUT_CONF);
      case "digest":
        return this.#components.blobs.answerDigest(exchange, asked.digest);
      case "name":
        return this.#answerName(exchange, asked.name);
      case "snapshot":
        return this.#answerSnapshot(exchange, asked);
      case "unknown":
        return sendPlain(exchange, notOurs());
    }
  }

  async #answerPage(exchange: Exchange): Promise<void> {
    if (!mayMeanThisBox(exchange.request.headers.host)) return sendPlain(exchange, MISDIRECTED);
    this.#sendText(exchange, "text/html; charset=utf-8", await this.#components.page());
  }

  /** A name that does not tell one digest is asked of the mirrors, and their answer passed on. */
  async #answerName(exchange: Exchange, name: string): Promise<void> {
    const resolution = await this.#components.resolver.byName(name);
    if (resolution.kind === "known") return this.#components.blobs.answer(exchange, resolution.want);
    const candidates = resolution.kind === "ambiguous" ? resolution.distfiles : [];
    await this.#pass(exchange, (request) => this.#components.upstream.distfile(name, request), candidates);
  }

  async #answerSnapshot(exchange: Exchange, { name, path }: { name: string; path: string }): Promise<void> {
    if (await this.#components.snapshots.answer(exchange, name)) return;
    await this.#pass(exchange, (request) => this.#components.upstream.mirrorPath(path, request));
  }

  async #pass(
    exchange: Exchange,
    ask: (request: MirrorRequest) => Promise<UpstreamAnswer>,
    candidates: readonly Distfile[] = [],
  ): Promise<void> {
    const { request, response, signal } = exchange;
    const method = request.method === "HEAD" ? "HEAD" : "GET";
    const headers = onlyFields(request.rawHeaders, PASSED_FIELDS);
    response.setHeader("Content-Security-Policy", "sandbox");
    await this.#components.pass.answer(exchange, ask({ method, headers, signal }).then(asAStrangers), candidates);
  }

  #sendText({ request, response }: Exchange, type: string, text: string): void {
    response.writeHead(200, { "Content-Type": type, "Content-Length": Buffer.byteLength(text) });
    response.end(request.method === "HEAD" ? undefined : text);
  }
}

function notOurs(): { status: number; message: string } {
  return {
    status: 404,
    message: "this is a Gentoo mirror: /distfiles/layout.conf, /distfiles/<digest, name>, /snapshots/<name>",
  };
}

/**
 * What a mirror says here stands under this box's name: a page of it could read the status page in a browser, and set cookies for
 * all that this box serves.
 */
function asAStrangers(answer: UpstreamAnswer): UpstreamAnswer {
  return {
    ...answer,
    headers: Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !OWN_FIELDS.has(name))),
  };
}
