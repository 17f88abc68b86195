import { once } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { ByteRange, OpenBlob } from "../core/blob-store.ts";
import { bufferPool, type Loan } from "../core/data/buffer-pool.ts";
import type { Digest } from "../core/digest.ts";
import { LentBuffers } from "../core/data/lent-buffers.ts";
import { contentRange } from "../core/net/range.ts";
import { readRange } from "./byte-range.ts";
import type { BlobShelf, GrowingBlob } from "./growing-blob.ts";
import { mayFollow } from "./may-follow.ts";
import type { PeerTraffic } from "./peer-traffic.ts";
import { PRESENT_HEADER, RECEIVING_HEADER, TRIED_HEADER, digestOfPath, idList, readIds } from "./protocol.ts";
import type { Upload, UploadSlots } from "./upload-slots.ts";

/**
 * The headers of bytes that are here leave together with them when they are
 * so few: who asks waits for no more than that.
 */
const HEAD_WITH_BODY_BYTES = 256 * 1024;
/** Bytes taken from a growing copy at once. */
const READ_BYTES = 256 * 1024;
/** When a peer that was sent elsewhere may come back, in seconds. */
const RETRY_AFTER_S = 1;
/**
 * A reader that takes not one byte for so long, in milliseconds, is cut off, and its blob closed: as long as it would itself
 * wait for a byte. The socket looks each time so much has passed, so it is twice that at most.
 */
const STALLED_MS = 5000;

/** What an answer uses. */
interface BlobAnswerComponents {
  readonly shelf: BlobShelf;
  readonly traffic: PeerTraffic;
  readonly slots: UploadSlots;
  /** Who asks. */
  readonly peer: string;
  /** Whether it still may: the network key can change under way. */
  readonly isMember: () => boolean;
}

/** A blob as it can be given now. */
interface Readable {
  readonly size: number;
  readonly received: number;
  readonly headers: OutgoingHttpHeaders;
  /** Its bytes come from no other box. */
  readonly isRoot: boolean;
  /** In buffers of the loan; each is written on before the next but one is asked for. */
  read(range: ByteRange, loan: Loan, signal: AbortSignal): AsyncIterable<Buffer>;
  close(): unknown;
}

/** Answers one request of a peer. */
export class BlobAnswer {
  readonly #components: BlobAnswerComponents;

  constructor(components: BlobAnswerComponents) {
    this.#components = components;
  }

  /** Sends the blob, or says why not. Rejects when it broke off in the body. */
  async send(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const digest = digestOfPath(request.url);
    if (request.method !== "GET" || digest === undefined) return end(response, 400);
    const readable = await this.#open(digest);
    if (readable === undefined) return end(response, 404);
    try {
      if (response.destroyed) return; // its reader left while it was opened: no event tells that any more
      await this.#sendReadable(digest, readable, request, response);
    } finally {
      await readable.close();
    }
  }

  async #open(digest: Digest): Promise<Readable | undefined> {
    const { shelf } = this.#components;
    const blob = await shelf.open(digest);
    if (blob !== undefined) return wholeBlob(blob);
    const growing = shelf.openGrowing(digest);
    return growing && growingBlob(growing);
  }

  async #sendReadable(
    digest: Digest,
    readable: Readable,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { peer, slots } = this.#components;
    const { size, received } = readable;
    const range = readRange(request.headers.range, size);
    if (range === undefined || !mayFollow(readable, range.start)) {
      return end(response, 416, { "content-range": `bytes */${size}` });
    }
    const tried = readIds(request.headers, TRIED_HEADER);
    const admission = slots.admit({ peer, digest, size, tried });
    if ("receiving" in admission) return end(response, 503, elsewhere(received, admission.receiving));
    try {
      const isPart = request.headers.range !== undefined;
      response.writeHead(isPart ? 206 : 200, {
        ...readable.headers,
        ...(isPart && { "content-range": contentRange(range, size) }),
        "content-length": range.end - range.start,
        etag: `"${digest}"`,
      });
      if (received < range.end || range.end - range.start > HEAD_WITH_BODY_BYTES) response.flushHeaders();
      await this.#sendBytes(readable, range, response, admission.upload);
    } finally {
      slots.release(admission.upload);
    }
  }

  async #sendBytes(readable: Readable, range: ByteRange, response: ServerResponse, upload: Upload): Promise<void> {
    const { traffic, peer, isMember } = this.#components;
    const loan = bufferPool.lend();
    const gone = new AbortController();
    response.once("close", () => gone.abort(new Error("the peer left")));
    traffic.answered(peer);
    for await (const bytes of readable.read(range, loan, gone.signal)) {
      gone.signal.throwIfAborted();
      if (!isMember()) throw new Error("it is no member any more");
      const hasRoom = response.write(bytes);
      traffic.sent(peer, bytes.length);
      if (!hasRoom) await this.#taken(response, upload, "drain", gone.signal);
    }
    const { socket } = response;
    response.end();
    if (!gone.signal.aborted) await this.#taken(response, upload, "close");
    // not where it broke off, which the response does not tell: there, bytes may still be on their way out
    if (socket?.destroyed === false) loan.end();
  }

  /** Resolves when the reader took what it was sent, as `event` tells; one that takes nothing is cut off. */
  async #taken(response: ServerResponse, upload: Upload, event: string, signal?: AbortSignal): Promise<void> {
    const stalled = (): void => void response.destroy();
    upload.blockedSince = performance.now();
    response.setTimeout(STALLED_MS).once("timeout", stalled); // the socket's: counts from the last byte that it took
    try {
      await once(response, event, { ...(signal && { signal }) });
      upload.blockedSince = undefined;
    } finally {
      response.off("timeout", stalled).setTimeout(0);
    }
  }
}

function wholeBlob(blob: OpenBlob): Readable {
  return {
    size: blob.size,
    received: blob.size,
    isRoot: true,
    headers: {},
    read: (range, lend) => blob.read(range, { lend }),
    close: () => blob.close(),
  };
}

function growingBlob(blob: GrowingBlob): Readable {
  return {
    size: blob.size,
    received: blob.received,
    isRoot: blob.isRoot,
    headers: { [PRESENT_HEADER]: blob.received },
    read: (range, loan, signal) => readGrowing(blob, range, loan, signal),
    close: () => blob.close(),
  };
}

async function* readGrowing(
  blob: GrowingBlob,
  range: ByteRange,
  loan: Loan,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const buffers = new LentBuffers(loan, Math.min(READ_BYTES, range.end - range.start));
  for (let position = range.start; position < range.end;) {
    await blob.grown(position, signal);
    const [at, length] = [position, Math.min(READ_BYTES, range.end - position)];
    const bytes = await buffers.fill((into) => blob.read(at, length, into));
    if (bytes.length === 0) throw new Error("these bytes of the growing copy are gone");
    position += bytes.length;
    yield bytes;
  }
}

function elsewhere(received: number, receiving: readonly string[]): OutgoingHttpHeaders {
  return {
    "retry-after": String(RETRY_AFTER_S),
    [PRESENT_HEADER]: received,
    ...(receiving.length > 0 && { [RECEIVING_HEADER]: idList(receiving) }),
  };
}

function end(response: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { ...headers, "content-length": 0 }).end();
}
