import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { DistswarmError, messageOf } from "../core/errors.ts";

const WORKER = new URL("./hash-worker.js", import.meta.url);

/** How long the thread stays when there is nothing to hash: it takes 10 MiB, and to start it some 40 ms. */
const IDLE_MS = 10_000;

/** A thread that hashes: BLAKE2b takes 1 ms a MiB, in which the main thread can read, decrypt and send as much again. */
export class HashThread {
  #worker: Worker | undefined;
  #ports = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  /**
   * A port for one blob: see `hash-worker.js` for what goes over it. It is closed by the one who uses it; when the thread
   * is gone it closes by itself.
   *
   * @throws {DistswarmError} `STORE_UNUSABLE` when the system gives no thread.
   */
  open(): MessagePort {
    const worker = this.#running();
    clearTimeout(this.#idleTimer);
    const { port1: ours, port2: its } = new MessageChannel();
    this.#ports += 1;
    ours.once("close", () => this.#closed());
    worker.postMessage(its, [its]);
    return ours;
  }

  /** Ends the thread; the next {@link HashThread.open} starts another one. */
  async stop(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = startWorker();
    worker.unref(); // an open port holds the process, the thread alone does not
    worker.on("error", () => {}); // its ports close, and those who wait at them are told
    worker.once("exit", () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    this.#worker = worker;
    return worker;
  }

  #closed(): void {
    this.#ports -= 1;
    if (this.#ports === 0) this.#idleTimer = setTimeout(() => void this.stop(), IDLE_MS).unref();
  }
}

function startWorker(): Worker {
  leaveLostDirectory();
  try {
    return new Worker(WORKER, { name: "hashing" });
  } catch (error) {
    throw new DistswarmError("STORE_UNUSABLE", `no thread to hash large blobs in: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A thread asks for the working directory first, and dies where that was deleted or cannot be reached any more. */
function leaveLostDirectory(): void {
  try {
    process.chdir(process.cwd()); // Node remembers its name, and does not notice that it is gone
  } catch {
    process.chdir("/");
  }
}
