import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { SourceError } from "../core/errors.ts";
import { faultOf } from "./http-fault.ts";

/** Bytes that are read ahead of the body's reader: a small file comes in one go, without a pause of undici's parser. */
const READ_AHEAD_BYTES = 256 * 1024;

/** What a server answered. */
interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Destroy it to let go of the connection; an error that nobody hears harms nobody. */
  readonly body: Readable;
}

/** What ends an exchange early, and who is told of it. */
interface ExchangeInit {
  readonly signal: AbortSignal;
  /** For people: whom errors are about. */
  readonly url: string;
  /** An answer's head is to be here by then, in milliseconds from the request; interim answers are none. */
  readonly headersTimeout: number;
  /** Called at the first byte of an answer, an interim one perhaps. */
  readonly begun: () => void;
}

/**
 * Sends one request and resolves with the answer's head, interim ones left out. Rejects with undici's error, with the
 * signal's reason, or with `HEADER_TIMEOUT` where interim answers go on for too long. The body is one stream over
 * undici's parser: each stream between costs a small file as much as the network.
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  init: ExchangeInit,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(options, new Exchange(init, { resolve, reject }));
  });
}

/** What becomes of the answer's head. */
interface Settle {
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #init: ExchangeInit;
  readonly #settle: Settle;
  readonly #onAbort = (): void => this.#abort();
  #controller: Dispatcher.DispatchController | undefined;
  #body: AnswerBody | undefined;
  #headersBy = Infinity;

  constructor(init: ExchangeInit, settle: Settle) {
    this.#init = init;
    this.#settle = settle;
    init.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#headersBy = performance.now() + this.#init.headersTimeout;
    if (this.#init.signal.aborted) this.#abort();
  }

  /** undici tells of each message that begins, interim ones included. */
  onResponseStarted(): void {
    this.#init.begun();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return this.#onInterim(controller);
    this.#body = new AnswerBody(controller);
    this.#settle.resolve({ status, headers, body: this.#body });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#body!.push(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#forgetSignal();
    this.#body!.complete();
  }

  onResponseError(_: unknown, error: Error): void {
    this.#forgetSignal();
    const { signal, url } = this.#init;
    if (this.#body === undefined) this.#settle.reject(error);
    else this.#body.destroy(signal.aborted ? (signal.reason as Error) : faultOf(error, "body", url));
  }

  /** undici waits for the headers anew after each. */
  #onInterim(controller: Dispatcher.DispatchController): void {
    if (performance.now() <= this.#headersBy) return;
    controller.abort(new SourceError("HEADER_TIMEOUT", `${this.#init.url}: nothing but interim answers in time`));
  }

  /** While the connection is being made there is nothing to abort yet: nobody waits for that. */
  #abort(): void {
    const reason = this.#init.signal.reason as Error;
    if (this.#controller === undefined) this.#settle.reject(reason);
    else this.#controller.abort(reason);
  }

  #forgetSignal(): void {
    this.#init.signal.removeEventListener("abort", this.#onAbort);
  }
}

/** The body of an answer, as undici's parser brings it. */
class AnswerBody extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  #isComplete = false;

  constructor(controller: Dispatcher.DispatchController) {
    super({ highWaterMark: READ_AHEAD_BYTES });
    this.#controller = controller;
    this.on("error", () => {});
  }

  /** All bytes are here. */
  complete(): void {
    this.#isComplete = true;
    this.push(null);
  }

  override _read(): void {
    this.#controller.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isComplete) this.#controller.abort(error ?? new Error("the body is of no more use"));
    done(error);
  }
}
