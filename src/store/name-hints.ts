import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { isGone } from "../core/errors.ts";

/** How long changed names are gathered before they are told, in milliseconds. */
const GATHER_MS = 100;

/** How often it is looked for what the watch cannot tell. Milliseconds. */
const LOOK_EVERY_MS = 30_000;

/** Who is told. */
interface NameHintsComponents {
  readonly changed: (names: string[]) => void;
  /** The directory is another one than is watched, or changed while there was no watch: look through it, and watch it. */
  readonly missed: () => void;
  /** There is no watch: changes are noticed with the next look. */
  readonly failed: (error: unknown) => void;
}

/** What may be set. */
interface NameHintsInit {
  /** @default 30 s */
  readonly lookEveryMs?: number;
}

/**
 * Watches one directory and tells which names in it changed, a few times a second at most. Now and then it looks by
 * itself: nothing else tells of a file system that is mounted over the directory or put away, or where inotify has no
 * watch to give.
 */
export class NameHints {
  readonly #components: NameHintsComponents;
  readonly #lookEveryMs: number;
  readonly #names = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;
  #looking: NodeJS.Timeout | undefined;
  /** What was there when the watch began, as {@link NameHints.#stateOf} has it. */
  #seen = "";

  constructor(components: NameHintsComponents, { lookEveryMs = LOOK_EVERY_MS }: NameHintsInit = {}) {
    this.#components = components;
    this.#lookEveryMs = lookEveryMs;
  }

  /** Begins to watch, anew each time: the path may lead to another directory by now. A missing one is no failure. */
  async watch(dir: string): Promise<void> {
    const found = await identify(dir); // first: what is replaced after this is seen at the next look
    this.#unwatch();
    try {
      this.#watcher = watch(dir, { persistent: false }, (_, name) => name !== null && this.hint(name));
      this.#watcher.on("error", (error) => this.#lose(error));
    } catch (error) {
      if (!isGone(error)) this.#components.failed(error);
    }
    this.#seen = this.#stateOf(found);
    clearInterval(this.#looking);
    this.#looking = setInterval(() => void this.#look(dir), this.#lookEveryMs).unref();
  }

  /** Tells a name with the next ones. */
  hint(name: string): void {
    this.#names.add(name);
    this.#timer ??= setTimeout(() => {
      const names = [...this.#names];
      this.#names.clear();
      this.#timer = undefined;
      this.#components.changed(names);
    }, GATHER_MS);
  }

  /** Stops watching and forgets what was not told yet. */
  close(): void {
    this.#unwatch();
    clearInterval(this.#looking);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#names.clear();
  }

  async #look(dir: string): Promise<void> {
    const state = this.#stateOf(await identify(dir));
    if (state === this.#seen) return;
    this.#seen = state;
    this.#components.missed();
  }

  /** With a watch, which directory it is; without one, also when a name in it changed last. */
  #stateOf({ directory, changed }: Identified): string {
    return this.#watcher === undefined ? `${directory} ${changed}` : directory;
  }

  #lose(error: unknown): void {
    this.#unwatch();
    this.#components.failed(error);
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

interface Identified {
  /** Which directory it is, empty where there is none; one that is made anew may get the same inode. */
  readonly directory: string;
  readonly changed: number;
}

async function identify(dir: string): Promise<Identified> {
  return stat(dir).then(
    ({ dev, ino, birthtimeMs, mtimeMs }) => ({ directory: `${dev}:${ino}:${birthtimeMs}`, changed: mtimeMs }),
    () => ({ directory: "", changed: 0 }),
  );
}
