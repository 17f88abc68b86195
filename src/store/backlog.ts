import { Pulse } from "../core/async/pulse.ts";

/** Commits that may wait for the disk: each keeps a file open, and systems without systemd may give 4096. */
const COMMITS_AT_MOST = 1024;

/**
 * Commits under way. No client waits for them, so behind a slow disk they become more and more: beyond a thousand of them
 * who comes next waits for one to end.
 */
export class Backlog {
  #commits = 0;
  readonly #ended = new Pulse();

  /** Counts a commit as long as it goes on. */
  async during(commit: () => Promise<void>): Promise<void> {
    this.#commits += 1;
    try {
      await commit();
    } finally {
      this.#commits -= 1;
      this.#ended.fire();
    }
  }

  /** Resolves when there is a place for one more; throws the signal's reason when it aborts first. */
  async hasPlace(signal?: AbortSignal): Promise<void> {
    while (this.#commits >= COMMITS_AT_MOST) await this.#ended.wait(signal);
  }
}
