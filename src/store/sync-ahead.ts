/** What can be made durable: an {@link OpenFile}. */
interface Syncable {
  sync(): Promise<void>;
}

/** So many bytes are made durable together, while the next ones come. */
const SYNC_BYTES = 64 * 2 ** 20;

/**
 * Makes a growing file durable bit by bit, so that little is left to wait for at its commit. A fault is kept until then:
 * the system tells it once, and a later sync would be none the wiser.
 */
export class SyncAhead {
  #syncing: Promise<void> = Promise.resolve();
  #isSyncing = false;
  #unsynced = 0;

  /** So many bytes were written. */
  wrote(file: Syncable, bytes: number): void {
    this.#unsynced += bytes;
    if (this.#isSyncing || this.#unsynced < SYNC_BYTES) return;
    this.#unsynced = 0;
    this.#isSyncing = true;
    this.#syncing = this.#syncing.then(() => file.sync()).finally(() => (this.#isSyncing = false));
    this.#syncing.catch(() => {}); // thrown at the end
  }

  /** Resolves when all is durable. Rejects with the first fault. */
  async finish(file: Syncable): Promise<void> {
    await this.#syncing;
    await file.sync();
  }
}
