import { agentsIn } from "../core/net/agent-names.ts";
import type { BlobStore } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import type { Want } from "../core/distfile.ts";
import { DistswarmError } from "../core/errors.ts";
import type { Origin } from "../core/source.ts";
import type { Upstream } from "../core/upstream.ts";
import type { Content } from "../retrieve/content.ts";
import type { Prefetcher } from "../retrieve/prefetcher.ts";
import type { Resolver } from "../retrieve/resolver.ts";
import type { Retriever } from "../retrieve/retriever.ts";
import { answerWithoutBytes, rangeOf, sendBlobHead, sendContent } from "./blob-reply.ts";
import { withInterimAnswers } from "./interim.ts";
import type { Exchange } from "./reply.ts";
import type { TrafficMeter } from "./traffic-meter.ts";

/** What answering with a known distfile uses. */
interface BlobDoorComponents {
  readonly resolver: Resolver;
  readonly retriever: Retriever;
  readonly prefetcher: Prefetcher;
  readonly store: BlobStore;
  readonly upstream: Upstream;
  readonly traffic: TrafficMeter;
}

/** Answers with a distfile whose digest is known, whichever door it was asked at. */
export class BlobDoor {
  readonly #components: BlobDoorComponents;

  constructor(components: BlobDoorComponents) {
    this.#components = components;
  }

  /**
   * Answers one request for a digest. What is here needs no look at the Manifests. Throws what went wrong; the answer
   * may have begun.
   *
   * @throws {DistswarmError} `NOT_FOUND` when no Manifest on this box has it; `INDEX_NOT_READY`.
   */
  async answerDigest(exchange: Exchange, digest: Digest): Promise<void> {
    const { store, retriever } = this.#components;
    const here = await store.find(digest);
    if (here === undefined || exchange.request.method === "HEAD") {
      return this.answer(exchange, here ? { ...here, names: [], packages: [] } : await this.#wanted(digest));
    }
    if (answerWithoutBytes(exchange, here)) return;
    // A blob whose record was lost is held against its digest first, which takes its time.
    const opening = retriever.openStored(digest, () => this.#wanted(digest));
    const content = await withInterimAnswers(exchange, opening);
    if (content === undefined) return this.answer(exchange, await this.#wanted(digest));
    await this.#send(exchange, content, this.#components.prefetcher.asked(digest));
  }

  /**
   * Answers one request for `want`. The headers wait for the first byte of the asked range: a client that resumes far
   * into a file is kept patient until then, which is too late after the headers. Throws what went wrong; the answer may
   * have begun.
   */
  async answer(exchange: Exchange, want: Want): Promise<void> {
    if (answerWithoutBytes(exchange, want)) return;
    const answered = this.#components.upstream.waits(want.digest, agentsIn(exchange.request.headers.via));
    await this.#answerFrom(exchange, want).finally(answered);
  }

  async #answerFrom(exchange: Exchange, want: Want): Promise<void> {
    if (exchange.request.method === "HEAD") return this.#answerHead(exchange, want);
    const { prefetcher, retriever } = this.#components;
    const { start: position } = rangeOf(exchange, want);
    const ahead = prefetcher.asked(want.digest, want);
    const retrieving = retriever.retrieve(want, { signal: exchange.signal, position });
    await this.#send(exchange, await withInterimAnswers(exchange, retrieving), ahead);
  }

  async #wanted(digest: Digest): Promise<Want> {
    const want = await this.#components.resolver.byDigest(digest);
    if (want === undefined) throw new DistswarmError("NOT_FOUND", `no Manifest on this box has the digest ${digest}`);
    return want;
  }

  /** `ahead`: where the bytes came from, where they were fetched for this request before it came. */
  async #send(exchange: Exchange, content: Content, ahead: Promise<Origin | undefined> | undefined): Promise<void> {
    let given = 0;
    try {
      await sendContent(exchange, content, (bytes) => (given += bytes));
    } finally {
      if (given > 0 || content.size === 0) void this.#count(content, ahead, given);
      await content.close();
    }
  }

  /**
   * A client that left is counted with what it was given, if that was anything. What another client had of the same
   * flight before cost nobody a byte: that counts as given from this box.
   */
  async #count(content: Content, ahead: Promise<Origin | undefined> | undefined, given: number): Promise<void> {
    const { traffic } = this.#components;
    const charged = content.charge(given);
    const paid = ahead && (await ahead);
    if (paid !== undefined) return traffic.served(paid, given);
    if (charged > 0) traffic.served(content.origin, charged);
    if (charged < given || given === 0) traffic.served("store", given - charged);
  }

  /**
   * Promises no file that nobody has: what neither this box nor a peer has is looked for upstream, without its bytes.
   */
  async #answerHead(exchange: Exchange, want: Want): Promise<void> {
    const stored = await this.#components.store.find(want.digest);
    if (stored === undefined) await this.#locate(exchange, want);
    sendBlobHead(exchange, want, stored === undefined ? "distswarm; fwd=miss" : "distswarm; hit");
    exchange.response.end();
  }

  async #locate({ signal }: Exchange, want: Want): Promise<void> {
    const { retriever, upstream } = this.#components;
    if (retriever.isNear(want.digest)) return;
    const answer = await upstream.locate(want, { method: "HEAD", headers: [], signal });
    answer.body.destroy();
  }
}
