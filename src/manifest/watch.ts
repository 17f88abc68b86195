import { watch, type FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../core/logger.ts";
import { messageOf } from "../core/errors.ts";
import { watchRemedy } from "../core/fs/inotify.ts";

/** What a sync touches, whatever its kind: the top (webrsync, rsync), the timestamps in metadata/, git's own files. */
const WATCHED = [".", "metadata", ".git"];

interface Watched {
  readonly watcher: FSWatcher;
  /** Which directory it is, whatever its name by now. */
  readonly identity: string;
}

/** Notices that a repository may have changed. A hint only: what it misses, the next scan finds. */
export class RepoWatch {
  readonly #onHint: () => void;
  readonly #log: Logger;
  readonly #watched = new Map<string, Watched>();
  #told = false;

  constructor(components: { log: Logger }, init: { onHint: () => void }) {
    this.#log = components.log;
    this.#onHint = init.onHint;
  }

  /** Watches what is there now; a directory that was put in another's place is watched instead of that. */
  async arm(repos: readonly string[]): Promise<void> {
    const dirs = repos.flatMap((repo) => WATCHED.map((name) => join(repo, name)));
    await Promise.all(dirs.map((dir) => this.#armOne(dir)));
  }

  /** Watches nothing any more. */
  close(): void {
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  async #armOne(dir: string): Promise<void> {
    const stats = await stat(dir).catch(() => undefined);
    const identity = stats?.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined;
    const old = this.#watched.get(dir);
    if (old?.identity === identity) return;
    old?.watcher.close();
    this.#watched.delete(dir);
    if (identity !== undefined) this.#watch(dir, identity);
  }

  #watch(dir: string, identity: string): void {
    try {
      const watcher = watch(dir, { persistent: false }, this.#onHint);
      watcher.on("error", (error) => this.#lose(dir, error));
      this.#watched.set(dir, { watcher, identity });
    } catch (error) {
      this.#tell(dir, error);
    }
  }

  /** It is watched again from the next scan on, where that goes. */
  #lose(dir: string, error: unknown): void {
    this.#watched.get(dir)?.watcher.close();
    this.#watched.delete(dir);
    this.#tell(dir, error);
  }

  #tell(dir: string, error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const remedy = watchRemedy(error);
    const problem = `cannot watch ${dir} (${messageOf(error)}): a sync is noticed later, by scans`;
    this.#log.warn({ dir }, problem + (remedy && `; ${remedy}`));
  }
}
