import { agentsIn } from "../core/net/agent-names.ts";
import type { BlobStore, ByteRange } from "../core/blob-store.ts";
import { bufferPool } from "../core/data/buffer-pool.ts";
import type { PassingBody, SnapshotFile, SnapshotServer } from "../core/snapshots.ts";
import type { Upstream } from "../core/upstream.ts";
import { answerWithoutBytes, rangeOf, sendBlobHead, sendFile } from "./blob-reply.ts";
import { withInterimAnswers } from "./interim.ts";
import type { Exchange } from "./reply.ts";
import type { TrafficMeter } from "./traffic-meter.ts";

/** How often a kept file that has just left the store is asked for again; then the request passes through. */
const TRIES = 3;

/** What answering with files of tree snapshots uses. */
interface SnapshotDoorComponents {
  readonly snapshots: SnapshotServer;
  readonly store: Pick<BlobStore, "open">;
  readonly upstream: Pick<Upstream, "waits">;
  readonly traffic: TrafficMeter;
}

/** Answers with a file of a tree snapshot, whichever door it was asked at. */
export class SnapshotDoor {
  readonly #components: SnapshotDoorComponents;

  constructor(components: SnapshotDoorComponents) {
    this.#components = components;
  }

  /**
   * Answers one GET or HEAD of `/snapshots/<name>`; false, and nothing is sent, when the request is to pass through.
   * Throws what went wrong; the answer may have begun.
   *
   * @throws {DistswarmError} `NOT_FOUND` when every mirror answered that it does not have it.
   */
  async answer(exchange: Exchange, name: string): Promise<boolean> {
    if (exchange.request.method === "HEAD") return this.#answerHead(exchange, name);
    const answered = this.#components.upstream.waits(`/snapshots/${name}`, agentsIn(exchange.request.headers.via));
    return this.#answerGet(exchange, name).finally(answered);
  }

  async #answerGet(exchange: Exchange, name: string): Promise<boolean> {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const opening = this.#components.snapshots.open(name, { signal: exchange.signal });
      const content = await withInterimAnswers(exchange, opening);
      if (content === undefined) return false;
      if (content.kind === "passing") return this.#sendPassing(exchange, content.body);
      if (await this.#sendHeld(exchange, content.file)) return true;
    }
    return false;
  }

  async #answerHead(exchange: Exchange, name: string): Promise<boolean> {
    const file = await this.#components.snapshots.find(name);
    if (file === undefined) return false;
    if (answerWithoutBytes(exchange, file)) return true;
    sendBlobHead(exchange, file, "distswarm; hit");
    exchange.response.end();
    return true;
  }

  /**
   * False when the file is not in the store any more. One that turns out damaged breaks off; the next request gets it
   * anew.
   */
  async #sendHeld(exchange: Exchange, file: SnapshotFile): Promise<boolean> {
    const blob = await this.#components.store.open(file.digest);
    if (blob === undefined) return false;
    const lend = bufferPool.lend();
    try {
      if (answerWithoutBytes(exchange, file)) return true;
      const cacheStatus = "distswarm; hit";
      const sent = await sendFile(exchange, file, { cacheStatus, read: (range) => blob.read(range, { lend }) });
      this.#components.traffic.served("store", sent);
      return true;
    } finally {
      await blob.close();
      lend.end();
    }
  }

  /**
   * The headers wait for the first byte: a client that resumes near the end of a slow download is kept alive till then.
   */
  async #sendPassing(exchange: Exchange, body: PassingBody): Promise<boolean> {
    const { signal } = exchange;
    const known = { size: body.size };
    try {
      if (answerWithoutBytes(exchange, known)) return true;
      await withInterimAnswers(exchange, arrival(body, rangeOf(exchange, known).start, signal));
      const read = (range: ByteRange) => body.read(range, signal);
      const sent = await sendFile(exchange, known, { cacheStatus: "distswarm; fwd=miss; detail=upstream", read });
      this.#components.traffic.passed(sent);
      return true;
    } finally {
      await body.close();
    }
  }
}

/** Resolves when the byte at `position` is here. */
async function arrival(body: PassingBody, position: number, signal: AbortSignal): Promise<void> {
  for await (const byte of body.read({ start: position, end: Math.min(position + 1, body.size) }, signal)) void byte;
}
