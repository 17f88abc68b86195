import type { BlobStore } from "../core/blob-store.ts";
import type { Want } from "../core/distfile.ts";
import type { Upstream } from "../core/upstream.ts";
import type { Content } from "../retrieve/content.ts";
import type { Retriever } from "../retrieve/retriever.ts";
import { answerWithoutBytes, sendBlobHead, sendContent } from "./blob-reply.ts";
import { withInterimAnswers } from "./interim.ts";
import type { Exchange } from "./reply.ts";
import type { Traffic } from "./traffic.ts";

/** What answering with a known distfile uses. */
export interface BlobDoorComponents {
  readonly retriever: Retriever;
  readonly store: BlobStore;
  readonly upstream: Upstream;
  readonly traffic: Traffic;
}

/** Answers with a distfile whose digest is known, whichever door it was asked at. */
export class BlobDoor {
  readonly #components: BlobDoorComponents;

  constructor(components: BlobDoorComponents) {
    this.#components = components;
  }

  /** Answers one request for `want`. Throws what went wrong; the answer may have begun. */
  async answer(exchange: Exchange, want: Want): Promise<void> {
    if (answerWithoutBytes(exchange, want)) return;
    if (exchange.request.method === "HEAD") return this.#answerHead(exchange, want);
    const retrieving = this.#components.retriever.retrieve(want, { signal: exchange.signal });
    const content = await withInterimAnswers(exchange, retrieving);
    try {
      this.#count(content, await sendContent(exchange, content));
    } finally {
      await content.close();
    }
  }

  /** Promises no file that nobody has: what is not here is looked for at the mirrors, without its bytes. */
  async #answerHead(exchange: Exchange, want: Want): Promise<void> {
    const stored = await this.#components.store.find(want.digest);
    if (stored === undefined) await this.#askMirrors(exchange, want);
    sendBlobHead(exchange, want, stored === undefined ? "distswarm; fwd=miss" : "distswarm; hit");
    exchange.response.end();
  }

  async #askMirrors({ signal }: Exchange, want: Want): Promise<void> {
    const name = want.names[0] ?? want.digest;
    const answer = await this.#components.upstream.distfile(name, { method: "HEAD", headers: [], signal });
    answer.body.destroy();
  }

  /** Who joined a flight of somebody else's cost nobody a byte: that counts as given from this box. */
  #count(content: Content, bytes: number): void {
    this.#components.traffic.served(content.collapsed ? "store" : content.origin, bytes);
  }
}
