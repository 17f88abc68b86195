import { watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import { NETWORK_KEY_FILE, type NetworkKey, readNetworkKey, saveNetworkKey } from "./network-key.ts";
import { exposureOf } from "./secret-file.ts";

/** How long the file is left alone after a change before it is read: who writes it may not be done. */
const SETTLE_MS = 200;
/** How often it is read without a change seen: not every file system tells of one. */
const LOOK_EVERY_MS = 60_000;
const MEND = "the agent keeps the key that it has until it is restarted: put one there, or run distswarm join";

/** What the network key's file uses. */
interface NetworkKeyFileComponents {
  readonly log: Logger;
  /** Told of another key, one at a time; {@link NetworkKeyFile.key} is that one by then. */
  readonly changed: () => Promise<void>;
}

/** What may be set of it. */
interface NetworkKeyFileInit {
  /** The directory that it lies in. */
  readonly stateDir: string;
  /** The key that it held when it was read at the start. */
  readonly key: NetworkKey;
}

/**
 * `network.key` of a running agent: whoever puts another key there, it is noticed. With a file that holds no key, or is
 * gone, the last key stays, and there is a warning until that is mended.
 */
export class NetworkKeyFile implements Startable {
  readonly #components: NetworkKeyFileComponents;
  readonly #dir: string;
  #key: NetworkKey;
  /** Why the file does not count. */
  #fault: string | undefined;
  /** What the log was told last. */
  #told: string | undefined;
  #watcher: FSWatcher | undefined;
  #settling: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  /** Reading and writing the file, and what follows from it: what came last counts. */
  readonly #changes = new OneByOne();

  constructor(components: NetworkKeyFileComponents, init: NetworkKeyFileInit) {
    this.#components = components;
    this.#dir = init.stateDir;
    this.#key = init.key;
  }

  /** The key that this box goes by. */
  get key(): NetworkKey {
    return this.#key;
  }

  /** Begins to look at the file, soon for the first time. */
  async start(): Promise<void> {
    if (this.#looking !== undefined) return;
    this.#looking = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
    this.#watch();
    this.#lookSoon();
  }

  /** Looks no more; ends after a change under way. */
  async stop(): Promise<void> {
    this.#watcher?.close();
    clearInterval(this.#looking);
    clearTimeout(this.#settling);
    this.#looking = undefined;
    await this.#changes.idle();
  }

  /** Reads the file now, and takes over the key in it. What is wrong goes to the log, once, and to the warnings. */
  async look(): Promise<void> {
    await this.#changes
      .run(async () => {
        const found = await readNetworkKey(this.#dir).catch((error: unknown) => messageOf(error));
        this.#judge(typeof found === "string" ? `${found}; ${MEND}` : undefined);
        if (typeof found !== "string") await this.#take(found);
      })
      .catch((error: unknown) => this.#components.log.warn(messageOf(error)));
  }

  /** Puts another key into the file, and takes it over. Throws what {@link NetworkKeyFileComponents.changed} throws. */
  async replace(key: NetworkKey): Promise<void> {
    await this.#changes.run(async () => {
      await saveNetworkKey(this.#dir, key);
      this.#judge(undefined);
      await this.#take(key);
    });
  }

  /** What is wrong with the file, in one line with the mend. */
  warnings(): readonly string[] {
    const warning = this.#fault ?? exposureOf(join(this.#dir, NETWORK_KEY_FILE));
    return warning === undefined ? [] : [warning];
  }

  async #take(key: NetworkKey): Promise<void> {
    if (key.reveal() === this.#key.reveal()) return;
    this.#key = key;
    this.#components.log.info("the network key has changed");
    await this.#components.changed();
  }

  #judge(fault: string | undefined): void {
    this.#fault = fault;
    const [warning] = this.warnings();
    if (warning !== undefined && warning !== this.#told) this.#components.log.warn(warning);
    this.#told = warning;
  }

  /** A change seen is a hint, no more: what it misses, the next look finds. */
  #watch(): void {
    try {
      const hint = (_: string, name: string | null): void => {
        if (name === null || name === NETWORK_KEY_FILE) this.#lookSoon();
      };
      this.#watcher = watch(this.#dir, { persistent: false }, hint).on("error", (error) => this.#unwatched(error));
    } catch (error) {
      this.#unwatched(error);
    }
  }

  #unwatched(error: unknown): void {
    this.#components.log.warn(
      `cannot watch ${this.#dir} (${messageOf(error)}): a change of ${NETWORK_KEY_FILE} is noticed within a minute, or at a reload`,
    );
  }

  #lookSoon(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.look(), SETTLE_MS).unref();
  }
}
