import { type FSWatcher, watch } from "node:fs";
import { isGone } from "./inventory.ts";

/** How long changed names are gathered before they are told, in milliseconds. */
const GATHER_MS = 100;

/** Watches one directory and tells which names in it changed, a few times a second at most. */
export class NameHints {
  #changed: (names: string[]) => void;
  #failed: (error: unknown) => void;
  #names = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;

  constructor(components: { changed: (names: string[]) => void; failed: (error: unknown) => void }) {
    this.#changed = components.changed;
    this.#failed = components.failed;
  }

  /** Begins to watch, anew each time: the path may lead to another directory by now. A missing one is no failure. */
  watch(dir: string): void {
    this.#watcher?.close();
    try {
      this.#watcher = watch(dir, { persistent: false }, (_, name) => name !== null && this.hint(name));
      this.#watcher.on("error", this.#failed);
    } catch (error) {
      if (!isGone(error)) this.#failed(error);
    }
  }

  /** Tells a name with the next ones. */
  hint(name: string): void {
    this.#names.add(name);
    this.#timer ??= setTimeout(() => {
      const names = [...this.#names];
      this.#names.clear();
      this.#timer = undefined;
      this.#changed(names);
    }, GATHER_MS);
  }

  /** Stops watching and forgets what was not told yet. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#names.clear();
  }
}
