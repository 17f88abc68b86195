import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { LentBody } from "./lent-body.ts";
import { readBytes } from "./protocol.ts";

/** What a peer answered. */
export interface BlobReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: LentBody;
}

type Controller = Dispatcher.DispatchController;

/** One request to a peer and its answer, as undici tells of them. */
export class BlobExchange implements Dispatcher.DispatchHandler {
  /** Rejects as undici does, or with the signal's reason. */
  readonly reply: Promise<BlobReply>;
  readonly #signal: AbortSignal;
  #resolve!: (reply: BlobReply) => void;
  #reject!: (error: unknown) => void;
  #controller: Controller | undefined;
  #body: LentBody | undefined;

  /** Aborting `signal` breaks it off, before or in the body. */
  constructor({ signal }: { readonly signal: AbortSignal }) {
    this.#signal = signal;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.#onAbort();
  }

  onResponseStart(controller: Controller, status: number, headers: IncomingHttpHeaders): void {
    this.#body = new LentBody(controller, { size: readBytes(headers, "content-length") ?? 0 });
    this.#resolve({ status, headers, body: this.#body });
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#body!.take(chunk);
  }

  onResponseEnd(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#body!.end();
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#reject(error);
    this.#body?.end(error);
  }

  readonly #onAbort = (): void => {
    const reason = this.#signal.reason as Error;
    this.#reject(reason);
    this.#body?.end(reason);
    this.#controller?.abort(reason);
  };
}
